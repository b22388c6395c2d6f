/// Takes one tensor's bytes, in any number of pieces.
public final class TensorSink {
  private let file: AtomicFile
  /// Bytes taken so far.
  public private(set) var byteCount = 0

  init(file: AtomicFile) {
    self.file = file
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    byteCount += bytes.count
    try file.write(bytes)
  }

  public func write(_ bytes: [UInt8]) throws(WriteError) {
    try bytes.span.withUnsafeBytes { (raw) throws(WriteError) in try write(raw) }
  }
}

/// Writes GGUF files: beside their final place, then renamed there.
public enum GGUFWriter {
  /// Writes the file `layout` describes; `body` is asked for each tensor's bytes in turn.
  ///
  /// Whatever stops it, an error of `body` or a cancelled task, leaves no file and nothing that
  /// was there before is touched. Replaces an existing file only with `replacing`.
  public static func write(
    _ layout: GGUFLayout, to path: String, replacing: Bool = false,
    tensorData body: (Int, TensorSink) throws -> Void
  ) throws {
    let file = try AtomicFile(
      path: path, replacing: replacing, expectedByteCount: layout.byteCount)
    try layout.header().span.withUnsafeBytes { try file.write($0) }
    for (index, record) in layout.records.enumerated() {
      try Task.checkCancellation()
      let sink = TensorSink(file: file)
      try body(index, sink)
      guard sink.byteCount == record.byteCount else {
        throw WriteError.wrongByteCount(
          tensor: record.name, expected: record.byteCount, written: sink.byteCount)
      }
      let padded = GGUFLayout.padded(record.byteCount, to: layout.alignment)
      try file.write(zeros: padded - record.byteCount)
    }
    try Task.checkCancellation()
    try file.commit()
  }
}
