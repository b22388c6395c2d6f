import ViseTensor

extension Checkpoint {
  /// Opens the checkpoint at `path`.
  ///
  /// A GGUF file, or one of a split set; a safetensors file; a shard index; or a directory with
  /// `model.safetensors`, an index, or one GGUF model. What the file begins with decides before its
  /// name does.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    if isDirectory(path) { return try openDirectory(path) }
    if path.hasSuffix(ModelDirectory.index) {
      return try openSafetensorsDirectory(directoryName(of: path))
    }
    let file = try map(path)
    switch file.withBytes({ sniff($0, path: path) }) {
    case .gguf: return try openGGUF(file)
    case .safetensors: return try openSafetensors(file)
    case nil: throw CheckpointError(file: path, offset: 0, reason: .unknownFormat)
    }
  }

  /// Where a safetensors model's `tokenizer.json` lies; `nil` where there is none.
  public var tokenizerPath: String? {
    guard format == .safetensors else { return nil }
    let directory = isDirectory(path) ? path : directoryName(of: path)
    let candidate = directory + "/" + ModelDirectory.tokenizer
    return fileExists(candidate) ? candidate : nil
  }
}

/// The format by the first bytes, then by the name; a file too damaged for the first is still
/// read as what its name says, so that the error can say what is wrong with it.
private func sniff(_ bytes: UnsafeRawBufferPointer, path: String) -> Checkpoint.Format? {
  if bytes.starts(with: "GGUF".utf8) { return .gguf }
  if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return .safetensors }
  if path.hasSuffix(".gguf") { return .gguf }
  if path.hasSuffix(".safetensors") { return .safetensors }
  return nil
}
