import ViseCompression
import ViseFormats

/// A tensor of the source as a Hugging Face folder has it.
struct HubTensor {
  let record: TensorRecord
  /// The Hugging Face key.
  let name: String
  let storage: WeightStorage
  let order: RowOrder

  /// The name without `.weight`: that of the module.
  var module: String { name.hasSuffix(".weight") ? String(name.dropLast(7)) : name }

  /// The shape in the file that is written.
  var shape: [Int] {
    isTurned ? record.shape.reversed() : record.shape
  }

  /// Whether the source has rows where the file has columns.
  private var isTurned: Bool { storage == .transposed && !isHub }

  /// Whether the source is a Hugging Face checkpoint itself.
  let isHub: Bool

  /// Whether the source's bytes are the file's, where element types agree.
  var isStoredAlike: Bool { isHub || (storage == .plain && order == .same) }
}

extension Model {
  /// All tensors under their Hugging Face names.
  ///
  /// llama.cpp has rotary pairs of `llama` models side by side; a Hugging Face file has one half of
  /// each head after the other, so rows of queries and keys are put back in that order.
  func hubTensors() throws -> [HubTensor] {
    guard checkpoint.format == .gguf else {
      return checkpoint.tensors.map {
        HubTensor(
          record: $0, name: $0.name, storage: storages[$0.name] ?? .plain, order: .same,
          isHub: true)
      }
    }
    let configuration = try program.get().configuration
    return try checkpoint.tensors.compactMap { record in
      if record.name == "rope_freqs.weight" { return nil }
      guard let name = HuggingFaceNames.key(of: record.name, architecture: architecture) else {
        throw ExportError.untranslatable("the tensor \"\(record.name)\"")
      }
      let isRotated =
        configuration.isRopeInterleaved
        && ["attn_q.", "attn_k."].contains { record.name.contains($0) }
      return HubTensor(
        record: record, name: name,
        storage: HuggingFaceNames.storage(of: record.name, architecture: architecture),
        order: isRotated ? .pairsToHalves(headLength: configuration.headLength) : .same,
        isHub: false)
    }
  }

  /// A tensor as plain floats, or as the source has it where that is what is asked for.
  ///
  /// Matrices become `floats`; vectors keep their own type, and what are no floats their bytes.
  func denseJob(_ tensor: HubTensor, site: Site?, plan: Plan, floats: FloatType) -> TensorJob {
    let record = tensor.record
    let change = site.flatMap { site in plan.change(of: site).map { (site, $0) } }
    let own = FloatType(record.type)
    let type = record.shape.count < 2 ? own ?? floats : floats
    let isNumeric = own != nil || SafetensorsElement(storing: record.type) == nil
    if change == nil, !isNumeric || (own == type && tensor.isStoredAlike) {
      let element = SafetensorsElement(storing: record.type) ?? type.element
      return TensorJob(
        tensors: [.init(name: tensor.name, shape: record.shape, element: element)],
        content: .stored(record))
    }
    return TensorJob(
      tensors: [.init(name: tensor.name, shape: tensor.shape, element: type.element)],
      content: .floats(
        DenseTensor(
          key: record.name, change: change.map { (site: $0.0, treatment: $0.1) }, type: type,
          storage: tensor.storage, order: tensor.order)))
  }
}
