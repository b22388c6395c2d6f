import Glibc
import ViseTensor

/// Data of tensors beside an ONNX file, confined to the file's folder.
struct ExternalData {
  private let folder: String
  private var files: [String: MappedFile] = [:]

  /// - Parameter modelPath: the ONNX file's path.
  init(modelPath: String) {
    folder = directoryName(of: modelPath)
  }

  /// Bytes of the files in use.
  var byteCount: Int { files.values.reduce(0) { $0 + $1.byteCount } }

  /// The bytes `entries` tell of, which must be as many as the tensor needs.
  mutating func region(
    _ entries: [(key: String, value: String)], needed: Int
  ) throws(ONNXFault) -> ByteRegion {
    guard let location = entries.last(where: { $0.key == "location" })?.value, !location.isEmpty
    else { throw .invalidExternalData(key: "location") }
    let offset = try number("offset", entries) ?? 0
    let length = try number("length", entries) ?? needed
    guard length == needed else { throw .dataMismatch(expected: needed, found: length) }
    let file = try file(location)
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard !overflow, end <= file.byteCount else {
      throw .externalDataOutOfBounds(end: overflow ? .max : end, limit: file.byteCount)
    }
    return ByteRegion(file: file, range: offset..<end)
  }

  private func number(
    _ key: String, _ entries: [(key: String, value: String)]
  ) throws(ONNXFault) -> Int? {
    guard let text = entries.last(where: { $0.key == key })?.value else { return nil }
    guard let value = Int(text), value >= 0 else { throw .invalidExternalData(key: key) }
    return value
  }

  /// The file at `location`, which must lie in the model's folder once links are followed.
  private mutating func file(_ location: String) throws(ONNXFault) -> MappedFile {
    if let known = files[location] { return known }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.hasPrefix("/"), !location.contains("\0"), !parts.contains("..") else {
      throw .unsafeLocation(location)
    }
    let path = "\(folder)/\(location)"
    guard let base = resolved(folder) else { throw .unsafeLocation(location) }
    guard let real = resolved(path) else {
      throw .unreadable(.cannotOpen(path: path, code: errno))
    }
    guard real.hasPrefix(base == "/" ? base : base + "/") else { throw .unsafeLocation(location) }
    do {
      let file = try MappedFile(path: real)
      files[location] = file
      return file
    } catch {
      throw .unreadable(error)
    }
  }

  private func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}

/// A reason without its place.
typealias ONNXFault = ONNXError.Reason

extension ONNXError.Reason: Error {}
