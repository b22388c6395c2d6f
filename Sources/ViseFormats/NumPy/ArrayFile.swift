public import ViseTensor

/// Arrays of a NumPy file: one of an `.npy`, several by name of an `.npz`.
public struct ArrayFile: Sendable {
  public let path: String
  /// By name, without `.npy`; the array of an `.npy` file has an empty one.
  public let arrays: [String: Tensor]

  /// Reads all arrays of the file at `path`.
  ///
  /// - Parameter byteLimit: bytes the arrays may have together, checked before any is made.
  public init(path: String, byteLimit: Int) throws(ArrayFileError) {
    self.path = path
    let file: MappedFile
    do throws(StorageError) {
      file = try MappedFile(path: path)
    } catch {
      throw ArrayFileError(file: path, reason: .unreadable(error))
    }
    if file.withBytes({ $0.starts(with: [0x93]) }) {
      do throws(ArrayFileError.Reason) {
        let whole = ByteRegion(file: file, range: 0..<file.byteCount)
        arrays = ["": try Self.array(whole, byteLimit: byteLimit)]
      } catch {
        throw ArrayFileError(file: path, reason: error)
      }
      return
    }
    arrays = try Self.members(of: file, byteLimit: byteLimit)
  }

  /// The array called `name`.
  public func array(_ name: String) throws(ArrayFileError) -> Tensor {
    guard let array = arrays[name] else {
      throw ArrayFileError(file: path, reason: .missingMember(name))
    }
    return array
  }

  private static func members(
    of file: MappedFile, byteLimit: Int
  ) throws(ArrayFileError) -> [String: Tensor] {
    let archive: ZipArchive
    do throws(ArrayFileError.Reason) {
      archive = try ZipArchive(file)
    } catch {
      throw ArrayFileError(file: file.path, reason: error)
    }
    var arrays: [String: Tensor] = [:]
    var rest = byteLimit
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      do throws(ArrayFileError.Reason) {
        guard entry.byteCount <= rest else {
          throw .tooLarge(bytes: entry.byteCount, limit: byteLimit)
        }
        rest -= entry.byteCount
        let bytes = try archive.contents(of: entry)
        arrays[String(entry.name.dropLast(4))] = try array(bytes, byteLimit: byteLimit)
      } catch {
        throw ArrayFileError(file: file.path, member: entry.name, reason: error)
      }
    }
    return arrays
  }

  private static func array(
    _ region: ByteRegion, byteLimit: Int
  ) throws(ArrayFileError.Reason) -> Tensor {
    let header = try region.withBytes { (bytes) throws(ArrayFileError.Reason) in
      try ArrayHeader(bytes)
    }
    guard let count = Tensor.elementCount(of: header.shape) else {
      throw .invalidHeader("shape")
    }
    let (needed, overflow) = count.multipliedReportingOverflow(by: header.type.byteCount)
    guard !overflow, needed == region.count - header.dataOffset else {
      throw .dataMismatch(
        expected: overflow ? .max : needed, found: region.count - header.dataOffset)
    }
    guard needed <= byteLimit else { throw .tooLarge(bytes: needed, limit: byteLimit) }
    let result = Tensor(header.type, header.shape)
    region.withBytes { bytes in
      guard needed > 0, let base = bytes.baseAddress else { return }
      let (source, target) = (base + header.dataOffset, result.storage.pointer)
      if header.isBigEndian {
        let width = header.type.byteCount
        for index in 0..<needed {
          let place = index / width * width + (width - 1 - index % width)
          target.storeBytes(
            of: source.load(fromByteOffset: place, as: UInt8.self), toByteOffset: index,
            as: UInt8.self)
        }
      } else {
        target.copyMemory(from: source, byteCount: needed)
      }
    }
    return result
  }
}
