import Glibc

/// A reason a file cannot be read as bytes.
public enum StorageError: Error, Hashable, Sendable {
  /// The system refused to open or inspect the file; `code` is `errno`.
  case cannotOpen(path: String, code: Int32)
  /// The path names a directory, a pipe, a device or a socket.
  case notARegularFile(path: String)
  /// The system refused to map the file; `code` is `errno`.
  case cannotMap(path: String, code: Int32)
}

/// A file's bytes, read-only, mapped for as long as the object lives.
///
/// Nothing is copied: pages are read when touched. Files are replaced by rename, so a mapping does
/// not shrink under its readers.
public final class MappedFile: Sendable {
  /// Where the file was opened from.
  public let path: String
  /// Bytes in the file.
  public let byteCount: Int
  // SAFETY: The mapping is read-only and is unmapped only by `deinit`, after the last use.
  private nonisolated(unsafe) let mapping: UnsafeRawBufferPointer

  /// Maps the file at `path`; an empty file gives zero bytes.
  public init(path: String) throws(StorageError) {
    self.path = path
    mapping = try mapReadOnly(path)
    byteCount = mapping.count
  }

  deinit {
    guard let base = mapping.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), mapping.count)
  }

  /// Calls `body` with the file's bytes, which must not outlive the call.
  public func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(mapping)
  }

  /// Calls `body` with the bytes in `range`, which must lie within the file.
  public func withBytes<Result, Failure>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the file")
    return try body(UnsafeRawBufferPointer(rebasing: mapping[range]))
  }
}

/// Opens without waiting for a writer, so that a pipe is refused instead of blocking.
private func mapReadOnly(_ path: String) throws(StorageError) -> UnsafeRawBufferPointer {
  let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw .cannotOpen(path: path, code: errno) }
  guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(path: path) }
  let count = Int(status.st_size)
  guard count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
  guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
  else { throw .cannotMap(path: path, code: errno) }
  return UnsafeRawBufferPointer(start: base, count: count)
}
