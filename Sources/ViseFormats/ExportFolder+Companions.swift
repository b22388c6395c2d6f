import ViseTensor

extension ExportFolder {
  /// Files that runtimes read beside weights and configuration, as model hubs name them.
  static let companions = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "generation_config.json",
  ]

  /// Copies the tokenizer and generation files beside a safetensors checkpoint, byte for byte.
  ///
  /// A GGUF file keeps its tokenizer in its metadata and has no such files.
  public func copyCompanions(
    of checkpoint: Checkpoint, replacing: Bool
  ) throws {
    guard checkpoint.format == .safetensors else { return }
    let source =
      isDirectory(checkpoint.path) ? checkpoint.path : directoryName(of: checkpoint.path)
    for name in Self.companions where fileExists(source + "/" + name) {
      let original = try MappedFile(path: source + "/" + name)
      let copy = try AtomicFile(
        path: file(name), replacing: replacing, expectedByteCount: original.byteCount)
      try original.withBytes { (bytes) throws(WriteError) in try copy.write(bytes) }
      try copy.commit()
    }
  }
}
