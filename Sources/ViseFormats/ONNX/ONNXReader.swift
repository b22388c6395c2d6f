import SwiftProtobuf
public import ViseTensor

/// Opens ONNX files.
public enum ONNXReader {
  /// More nodes or tensors than any real graph has.
  static let countLimit = 1 << 20
  /// Messages inside messages: graphs in attributes of graphs.
  static let depthLimit = 64

  static var options: BinaryDecodingOptions {
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = depthLimit
    options.discardUnknownFields = true
    return options
  }

  /// Whether the file at `path` looks like ONNX, by its first bytes and then by its name.
  ///
  /// A model begins with its IR version, a small number in field 1.
  public static func accepts(path: String) -> Bool {
    guard let file = try? MappedFile(path: path) else { return false }
    return file.withBytes { bytes in
      if bytes.starts(with: "GGUF".utf8) { return false }
      if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return false }
      if path.hasSuffix(".onnx") { return true }
      return bytes.count > 2 && bytes[0] == 8 && (1...32).contains(bytes[1])
    }
  }

  /// Reads the model at `path`; tensor data stays in the mapped files.
  public static func open(_ path: String) throws(ONNXError) -> ONNXModel {
    let file: MappedFile
    do throws(StorageError) {
      file = try MappedFile(path: path)
    } catch {
      throw ONNXError(file: path, place: .file, reason: .unreadable(error))
    }
    return try read(file)
  }

  /// Reads a file that is mapped.
  public static func read(_ file: MappedFile) throws(ONNXError) -> ONNXModel {
    guard let scan = file.withBytes({ RawDataScanner($0) }) else {
      throw ONNXError(file: file.path, place: .file, reason: .invalidEncoding)
    }
    for (what, count) in [("nodes", scan.nodeCount), ("tensors", scan.ranges.count)] {
      guard count <= countLimit else {
        throw ONNXError(
          file: file.path, place: .graph,
          reason: .implausible(what, count: count, limit: countLimit))
      }
    }
    guard let message = file.withBytes({ bytes in try? decode(PBModel.self, bytes) }) else {
      throw ONNXError(file: file.path, place: .file, reason: .invalidEncoding)
    }
    guard message.hasGraph else { throw ONNXError(file: file.path, place: .file, reason: .noGraph) }
    var converter = ONNXConverter(file: file, rawData: scan.ranges)
    return try converter.model(message)
  }

  /// Reads a file that holds one tensor, as test cases have them.
  public static func openTensor(_ path: String) throws(ONNXError) -> ONNXTensor {
    let file: MappedFile
    do throws(StorageError) {
      file = try MappedFile(path: path)
    } catch {
      throw ONNXError(file: path, place: .file, reason: .unreadable(error))
    }
    guard let message = file.withBytes({ bytes in try? decode(PBTensor.self, bytes) }) else {
      throw ONNXError(file: path, place: .file, reason: .invalidEncoding)
    }
    var converter = ONNXConverter(file: file, rawData: [])
    return try converter.tensor(message)
  }

  static func decode<Message: SwiftProtobuf.Message>(
    _: Message.Type, _ bytes: UnsafeRawBufferPointer
  ) throws -> Message {
    try Message(serializedBytes: bytes.bytes, partial: true, options: options)
  }
}
