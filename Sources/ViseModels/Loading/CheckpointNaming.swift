import ViseFormats

/// How a checkpoint's keys relate to the canonical names, by the checkpoint's format.
struct CheckpointNaming {
  let architecture: String
  let names: WeightNames
  /// Storage of the keys that are not stored plainly.
  let storages: [String: WeightStorage]
  private let isGGUF: Bool

  init(_ checkpoint: Checkpoint) {
    switch checkpoint.format {
    case .gguf:
      isGGUF = true
      architecture = checkpoint.metadata["general.architecture"]?.asString ?? "unknown"
      names = WeightNames(
        keys: Dictionary(uniqueKeysWithValues: checkpoint.tensors.map { ($0.name, $0.name) }))
      storages = [:]
    case .safetensors:
      isGGUF = false
      let type = checkpoint.metadata["model_type"]?.asString ?? "unknown"
      let architecture = HuggingFaceConfiguration.architectures[type] ?? type
      var keys: [String: String] = [:]
      var storages: [String: WeightStorage] = [:]
      for tensor in checkpoint.tensors {
        guard
          let canonical = HuggingFaceNames.canonical(tensor.name, architecture: architecture)
        else { continue }
        keys[canonical] = tensor.name
        let storage = HuggingFaceNames.storage(of: canonical, architecture: architecture)
        if storage != .plain { storages[tensor.name] = storage }
      }
      self.architecture = architecture
      self.names = WeightNames(keys: keys)
      self.storages = storages
    }
  }

  func configuration(_ checkpoint: Checkpoint) throws(ModelError) -> DecoderConfiguration {
    isGGUF
      ? try GGUFConfiguration.read(checkpoint) : try HuggingFaceConfiguration.read(checkpoint)
  }
}
