/// Writes safetensors files: beside their final place, then renamed there.
public enum SafetensorsWriter {
  /// Writes the file `layout` describes; `body` is asked for each tensor's bytes in turn.
  ///
  /// Elements are little-endian. Whatever stops it leaves no file, and nothing that was there
  /// before is touched. Replaces an existing file only with `replacing`.
  public static func write(
    _ layout: SafetensorsLayout, to path: String, replacing: Bool = false,
    tensorData body: (Int, TensorSink) throws -> Void
  ) throws {
    let file = try AtomicFile(
      path: path, replacing: replacing, expectedByteCount: layout.byteCount)
    try layout.header.span.withUnsafeBytes { try file.write($0) }
    for (index, tensor) in layout.tensors.enumerated() {
      let sink = TensorSink(file: file)
      try body(index, sink)
      guard sink.byteCount == layout.byteCounts[index] else {
        throw WriteError.wrongByteCount(
          tensor: tensor.name, expected: layout.byteCounts[index], written: sink.byteCount)
      }
    }
    try file.commit()
  }
}

extension Checkpoint {
  /// Opens one safetensors file as it is, whatever lies beside it.
  ///
  /// Its own metadata keys begin with `safetensors.`.
  public static func openSafetensorsFile(_ path: String) throws(CheckpointError) -> Checkpoint {
    let file = try map(path)
    let header = try readSafetensorsHeader(file)
    return try Checkpoint(
      format: .safetensors, path: path, files: [file], metadata: header.metadata,
      tensors: header.tensors)
  }
}
