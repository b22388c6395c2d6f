public import ViseCompression
public import ViseEstimates

/// One row of the format list.
public struct FormatChoice: Hashable, Sendable {
  public let group: FormatGroup
  /// `nil` is the file's own.
  public let format: NumberFormat?
  /// Bytes of the targets in this format, substitutions included; `nil` where none can hold it.
  public let byteCount: Int?
  /// Divergence of the targets treated so, and nothing else, where something is known.
  public let effect: Estimate?
  /// Targets that would get another format.
  public let substituted: Int
  /// Targets that could hold neither.
  public let refused: Int
  /// What the first such target would get, and why.
  public let reason: String?
  /// Why no GGUF file can hold the first such target; `nil` where one can hold them all.
  public let ggufRestriction: String?

  /// What choosing it asks for.
  public var intent: EditIntent { format.map { .format($0) } ?? .storedFormat }
}

/// The list of formats for the targets.
public struct FormatPicker: Hashable, Sendable {
  public let targets: [Int]
  public internal(set) var choices: [FormatChoice]
  public internal(set) var cursor: Int
}

/// One row of the method list.
public struct MethodOption: Hashable, Sendable {
  public let choice: MethodChoice
  /// Targets that use it now.
  public let current: Int
  /// Targets it suits.
  public let accepted: Int
  /// Why it does not suit the first of the others.
  public let reason: String?
}

/// The list of methods for the targets.
public struct MethodPicker: Hashable, Sendable {
  public let targets: [Int]
  public let options: [MethodOption]
  public internal(set) var cursor: Int
}

/// What is asked for in one line.
public enum PromptKind: String, CaseIterable, Hashable, Sendable {
  case prune, rank, treatment, limit, planFile, stateName, modelPath

  /// What stands before the field.
  public var label: String {
    switch self {
    case .prune: "prune"
    case .rank: "rank"
    case .treatment: "treatment"
    case .limit: "limit"
    case .planFile: "plan file"
    case .stateName: "name"
    case .modelPath: "open"
    }
  }

  /// What may be typed.
  public var example: String {
    switch self {
    case .prune: "30%, 2:4, channels 25% or off"
    case .rank: "64, 50%, energy 95%, elbow, erank or off"
    case .planFile: "the path of a plan as `vise plan` writes them"
    case .modelPath: "a GGUF file, or a safetensors file or folder"
    case .stateName: "what to call the state; nothing takes the name away"
    case .limit: "60MB, 60%, 4.5 bits, 3ms, KL 0.02, or several with commas, or off"
    case .treatment: "such as prune=0.3 rank=64 format=int4:g128 method=gptq, or keep"
    }
  }
}

/// One line of text that becomes an edit.
public struct Prompt: Hashable, Sendable {
  public let kind: PromptKind
  public internal(set) var field: TextField
  /// Why what was typed cannot be used.
  public internal(set) var problem: String?
}
