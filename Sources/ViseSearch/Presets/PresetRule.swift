import ViseCompression
import ViseTensor

/// Which type a preset gives a site, before rows have to fit.
struct PresetRule {
  let preset: StockPreset
  let shape: PresetShape

  /// Presets that make room for the embedding and the values in very small files.
  private var isTiny: Bool {
    switch preset {
    case .iq2XXS, .iq2XS, .iq2S, .iq2M: true
    default: false
    }
  }

  func type(of site: Site) -> StorageType {
    let block = site.block ?? 0
    switch site.role {
    case .output: return head(site)
    case .tokenEmbedding: return shape.isTied ? head(site) : embedding
    case .attentionValue, .attentionQKV: return isTiny ? tinyValue : value(block)
    case .attentionOutput: return isTiny ? tinyOutput : output
    case .ffnDown: return isTiny ? tinyDown(block) : down(block)
    case .attentionQuery, .attentionKey:
      switch preset {
      case .iq3XS: return .iq3_XXS
      case .iq3XXS: return .iq2_S
      default: return preset.baseType
      }
    case .ffnGate, .ffnUp:
      let isMiddle = !shape.isEarly(block) && block < 7 * shape.blockCount / 8
      return preset == .iq3XS && isMiddle ? .iq3_XXS : preset.baseType
    // Presets are of language models; what else there is gets the type no rule singles out.
    case .convolution, .depthwiseConvolution, .transposedConvolution, .linear, .embedding,
      .recurrentInput, .recurrentState:
      return preset.baseType
    }
  }

  private func head(_ site: Site) -> StorageType {
    if site.columns % preset.baseType.blockLength != 0 { return .q8_0 }
    if isTiny || preset == .iq3XXS { return .q5_K }
    return preset == .q8_0 ? .q8_0 : .q6_K
  }

  private var embedding: StorageType {
    switch preset {
    case .iq2XXS, .iq2XS: .q2_K
    case .iq2S, .iq2M, .iq3XXS: .iq3_S
    default: preset.baseType
    }
  }

  /// Between the two larger of the tiny presets and the two smaller ones.
  private var tinyStep: StorageType { preset == .iq2S || preset == .iq2M ? .iq3_S : .q2_K }

  private var tinyValue: StorageType { shape.queriesPerKey >= 4 ? .q4_K : tinyStep }

  private func tinyDown(_ block: Int) -> StorageType {
    shape.isEarly(block) ? tinyStep : preset.baseType
  }

  private var tinyOutput: StorageType { tinyStep == .iq3_S ? .iq3_S : preset.baseType }

  private func value(_ block: Int) -> StorageType {
    let isGrouped = shape.queriesPerKey >= 4
    switch preset {
    case .q2K: return isGrouped ? .q4_K : .q3_K
    case .q2KS, .iq3XXS, .iq3XS, .iq3S: return isGrouped ? .q4_K : preset.baseType
    case .iq3M: return .q4_K
    case .q3KM: return block < 2 ? .q5_K : .q4_K
    case .q3KL: return .q5_K
    case .iq4NL, .iq4XS: return isGrouped ? .q5_K : preset.baseType
    case .q4KM, .q5KM: return shape.isFavoured(block) ? .q6_K : preset.baseType
    case .q4KS: return block < 4 ? .q5_K : .q4_K
    default: return preset.baseType
    }
  }

  private var output: StorageType {
    switch preset {
    case .q2K: .q3_K
    case .iq3XXS: .iq3_S
    case .q3KM, .iq3M: .q4_K
    case .q3KL: .q5_K
    default: preset.baseType
    }
  }

  private func down(_ block: Int) -> StorageType {
    let isEarly = shape.isEarly(block)
    switch preset {
    case .q2K: return .q3_K
    case .q2KS, .iq3M: return isEarly ? .q4_K : preset.baseType
    case .q3KM: return block < shape.blockCount / 16 ? .q5_K : .q4_K
    case .q3KL: return .q5_K
    case .q4KM, .q5KM: return shape.isFavoured(block) ? .q6_K : preset.baseType
    case .q4KS: return isEarly ? .q5_K : .q4_K
    case .q4_0: return isEarly ? .q4_1 : .q4_0
    case .q5_0: return isEarly ? .q5_1 : .q5_0
    default: return preset.baseType
    }
  }
}
