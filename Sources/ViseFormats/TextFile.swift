public import ViseTensor

/// A text to calibrate or evaluate on, as bytes: mapped, not decoded.
public struct TextFile: Sendable {
  private let file: MappedFile
  /// Bytes of the text, without a last line break.
  public let byteCount: Int

  /// Maps the file at `path`.
  ///
  /// One line break at the end is not part of the text: llama.cpp's tools leave it out too, and
  /// figures are to be compared with theirs.
  public init(path: String) throws(StorageError) {
    let file = try MappedFile(path: path)
    self.file = file
    byteCount = file.withBytes { $0.last == UInt8(ascii: "\n") ? $0.count - 1 : $0.count }
  }

  /// Writes `text` to `path`, beside it first and renamed when whole.
  public static func write(
    _ text: String, to path: String, replacing: Bool
  ) throws(WriteError) {
    let bytes = Array(text.utf8)
    let file = try AtomicFile(path: path, replacing: replacing, expectedByteCount: bytes.count)
    let written = bytes.withUnsafeBytes { bytes in
      Result { () throws(WriteError) in try file.write(bytes) }
    }
    try written.get()
    try file.commit()
  }

  /// Where the text was read from.
  public var path: String { file.path }

  /// Calls `body` with the text's bytes, which must not outlive the call.
  public func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try file.withBytes(in: 0..<byteCount, body)
  }
}
