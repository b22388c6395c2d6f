import Glibc

/// A reason a file cannot be written; nothing that was there before is lost.
public enum WriteError: Error, Hashable, Sendable {
  /// Something is at the path and replacing it was not asked for.
  case alreadyExists(path: String)
  case cannotCreate(path: String, code: Int32)
  case notEnoughSpace(path: String, needed: Int, available: Int)
  case writeFailed(path: String, code: Int32)
  case cannotRename(path: String, code: Int32)
  /// The tensor's data was not as long as its shape and type say.
  case wrongByteCount(tensor: String, expected: Int, written: Int)
}

/// A file under construction, beside its final place until `commit` renames it there.
///
/// Dropping it without a commit removes the temporary file.
final class AtomicFile {
  let path: String
  private let temporaryPath: String
  private let replacing: Bool
  private var descriptor: Int32
  private(set) var byteCount = 0
  private var pending: [UInt8] = []
  private static let bufferSize = 1 << 20

  /// Starts a file of `expectedByteCount` bytes, after checking that the disk can hold it.
  init(path: String, replacing: Bool, expectedByteCount: Int) throws(WriteError) {
    self.path = path
    self.replacing = replacing
    temporaryPath = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).part"
    descriptor = -1
    var status = stat()
    if !replacing, lstat(path, &status) == 0 { throw .alreadyExists(path: path) }
    let directory = directoryName(of: path)
    var space = statvfs()
    guard statvfs(directory, &space) == 0 else { throw .cannotCreate(path: path, code: errno) }
    let (available, overflow) = Int(space.f_bavail)
      .multipliedReportingOverflow(by: Int(space.f_frsize))
    guard overflow || available >= expectedByteCount else {
      throw .notEnoughSpace(path: path, needed: expectedByteCount, available: available)
    }
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .cannotCreate(path: path, code: errno) }
    pending.reserveCapacity(Self.bufferSize)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    byteCount += bytes.count
    if pending.count + bytes.count <= Self.bufferSize {
      pending.append(contentsOf: bytes)
      return
    }
    try flush()
    if bytes.count <= Self.bufferSize {
      pending.append(contentsOf: bytes)
    } else {
      try writeAll(bytes)
    }
  }

  func write(zeros count: Int) throws(WriteError) {
    let zeros = [UInt8](repeating: 0, count: count)
    try zeros.span.withUnsafeBytes { (raw) throws(WriteError) in try write(raw) }
  }

  /// Makes the file durable and puts it in its place.
  func commit() throws(WriteError) {
    try flush()
    guard fsync(descriptor) == 0 else { throw .writeFailed(path: path, code: errno) }
    try moveIntoPlace()
    close(descriptor)
    descriptor = -1
    // The rename itself must survive a power cut; a directory that cannot be synced is no failure.
    let directory = open(directoryName(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }

  private func moveIntoPlace() throws(WriteError) {
    if !replacing {
      // A link refuses to replace what appeared meanwhile; where links are unknown, rename.
      if link(temporaryPath, path) == 0 {
        unlink(temporaryPath)
        return
      }
      if errno == EEXIST { throw .alreadyExists(path: path) }
    }
    guard rename(temporaryPath, path) == 0 else { throw .cannotRename(path: path, code: errno) }
  }

  private func flush() throws(WriteError) {
    let bytes = pending
    try bytes.span.withUnsafeBytes { (raw) throws(WriteError) in try writeAll(raw) }
    pending.removeAll(keepingCapacity: true)
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let slice = UnsafeRawBufferPointer(rebasing: rest)
      let written = Glibc.write(descriptor, slice.baseAddress, slice.count)
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        throw .writeFailed(path: path, code: errno)
      }
    }
  }
}

/// The directory that holds `path`.
func directoryName(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
