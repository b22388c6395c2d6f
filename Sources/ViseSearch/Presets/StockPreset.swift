public import ViseCompression
public import ViseTensor

/// A mix of types that llama-quantize writes under one name, with an importance matrix.
///
/// What each tensor gets follows from its role and block; `Tests/Peers/presets.py` compares the
/// plans with the files llama-quantize writes. Mixtures of experts are not covered.
public enum StockPreset: String, CaseIterable, Hashable, Sendable {
  case iq2XXS = "IQ2_XXS"
  case iq2XS = "IQ2_XS"
  case iq2S = "IQ2_S"
  case iq2M = "IQ2_M"
  case q2KS = "Q2_K_S"
  case q2K = "Q2_K"
  case iq3XXS = "IQ3_XXS"
  case iq3XS = "IQ3_XS"
  case iq3S = "IQ3_S"
  case iq3M = "IQ3_M"
  case q3KS = "Q3_K_S"
  case q3KM = "Q3_K_M"
  case q3KL = "Q3_K_L"
  case iq4XS = "IQ4_XS"
  case iq4NL = "IQ4_NL"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q4KS = "Q4_K_S"
  case q4KM = "Q4_K_M"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q5KS = "Q5_K_S"
  case q5KM = "Q5_K_M"
  case q6K = "Q6_K"
  case q8_0 = "Q8_0"

  /// The name as people and commands write it, in any case.
  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.rawValue == name.uppercased() }) else {
      return nil
    }
    self = found
  }

  /// The type of tensors no rule singles out.
  public var baseType: StorageType {
    switch self {
    case .iq2XXS: .iq2_XXS
    case .iq2XS, .iq2S: .iq2_XS
    case .iq2M: .iq2_S
    case .q2KS, .q2K: .q2_K
    case .iq3XXS: .iq3_XXS
    case .iq3XS, .iq3S, .iq3M: .iq3_S
    case .q3KS, .q3KM, .q3KL: .q3_K
    case .iq4XS: .iq4_XS
    case .iq4NL: .iq4_NL
    case .q4_0: .q4_0
    case .q4_1: .q4_1
    case .q4KS, .q4KM: .q4_K
    case .q5_0: .q5_0
    case .q5_1: .q5_1
    case .q5KS, .q5KM: .q5_K
    case .q6K: .q6_K
    case .q8_0: .q8_0
    }
  }

  /// The preset as a plan for a model of these sites.
  public func plan(for sites: [Site]) -> Plan {
    let shape = PresetShape(sites)
    var plan = Plan()
    for site in sites {
      let type = Self.fitting(PresetRule(preset: self, shape: shape).type(of: site), site)
      plan[site.name] = Treatment(format: .ggml(type))
    }
    return plan
  }

  /// What takes the place of a type whose blocks do not divide the rows.
  private static func fitting(_ type: StorageType, _ site: Site) -> StorageType {
    guard site.columns % type.blockLength != 0 else { return type }
    let smaller: StorageType =
      switch type {
      case .q2_K, .q3_K: .q4_0
      case .q4_K: .q5_0
      case .q5_K: .q5_1
      case .q6_K: .q8_0
      default: .iq4_NL
      }
    return site.columns % smaller.blockLength == 0 ? smaller : .f16
  }
}

/// What presets look at in a model.
struct PresetShape {
  let blockCount: Int
  /// Query heads that share a key head.
  let queriesPerKey: Int
  /// Whether the output head is the token embedding.
  let isTied: Bool

  init(_ sites: [Site]) {
    blockCount = (sites.compactMap(\.block).max() ?? -1) + 1
    let query = sites.first { $0.role == .attentionQuery }
    let key = sites.first { $0.role == .attentionKey && $0.block == query?.block }
    queriesPerKey = (query?.rows ?? 1) / max(key?.rows ?? 1, 1)
    isTied = !sites.contains { $0.role == .output }
  }

  /// Blocks at both ends and every third between.
  func isFavoured(_ block: Int) -> Bool {
    let eighth = blockCount / 8
    return block < eighth || block >= 7 * blockCount / 8 || (block - eighth) % 3 == 2
  }

  func isEarly(_ block: Int) -> Bool { block < blockCount / 8 }
}
