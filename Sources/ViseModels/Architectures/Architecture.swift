/// A family of models: turns a configuration into a graph over the checkpoint's weights.
protocol Architecture: Sendable {
  /// Builds the graph; `names` tells which weights there are and what the checkpoint calls them.
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph
}

/// The architectures Vise can run, by the name GGUF metadata gives them.
enum ArchitectureRegistry {
  static let architectures: [String: any Architecture.Type] = [
    "llama": Llama.self,
    "qwen2": Qwen2.self,
    "qwen3": Qwen3.self,
    "gemma3": Gemma3.self,
    "gpt2": GPT2.self,
  ]
}

/// The checkpoint's keys by the canonical (GGUF) names architectures use.
struct WeightNames: Sendable {
  private let keys: [String: String]

  init(keys: [String: String]) {
    self.keys = keys
  }

  /// The checkpoint's key for a weight that must be there.
  func required(_ canonical: String) throws(ModelError) -> String {
    guard let key = keys[canonical] else { throw .missingWeight(canonical) }
    return key
  }

  /// The checkpoint's key, or `nil` where the checkpoint has no such weight.
  func optional(_ canonical: String) -> String? { keys[canonical] }

  /// All pairs of canonical name and key.
  var all: [String: String] { keys }
}
