import ViseTensor

extension Checkpoint {
  /// Opens the checkpoint at `path`: a GGUF file, or one of a split set.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let file = try map(path)
    let isGGUF = file.withBytes { $0.starts(with: "GGUF".utf8) }
    guard isGGUF || path.hasSuffix(".gguf") else {
      throw CheckpointError(file: path, offset: 0, reason: .unknownFormat)
    }
    return try openGGUF(file)
  }
}
