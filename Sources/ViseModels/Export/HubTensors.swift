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
  let shape: [Int]
  /// What the pruning of channels takes of a bias.
  let cut: RowCut?
  /// The site whose mean error a bias takes up.
  let correction: BiasChange.Correction?

  /// Whether the source is a Hugging Face checkpoint itself.
  let isHub: Bool

  /// Whether the source's bytes are the file's, where element types agree.
  var isStoredAlike: Bool {
    cut == nil && correction == nil && (isHub || (storage == .plain && order == .same))
  }
}

extension Model {
  /// All tensors under their Hugging Face names.
  ///
  /// llama.cpp has rotary pairs of `llama` models side by side; a Hugging Face file has one half of
  /// each head after the other, so rows of queries and keys are put back in that order.
  ///
  /// Tensors are those `plan` leaves, in the shapes and under the block numbers they then have.
  func hubTensors(of plan: Plan) throws -> [HubTensor] {
    if (try? program.get().configuration.ownValueLength) != nil {
      throw ExportError.untranslatable("heads of values and keys that differ in length")
    }
    let structure = PlanStructure(of: plan, sites: sites)
    let sites = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0) })
    return try checkpoint.tensors.compactMap { record in
      guard record.name != "rope_freqs.weight" || checkpoint.format != .gguf,
        let numbered = name(of: record.name, in: structure)
      else { return nil }
      let (name, storage, order) = try hubForm(of: record, numbered: numbered)
      let isHub = checkpoint.format != .gguf
      var shape = storage == .transposed && !isHub ? record.shape.reversed() : record.shape
      let bias = BiasChange(record, plan: plan, model: self)
      if let cut = bias?.cut { shape = [cut.keptRows] }
      if let site = sites[record.name], let treatment = plan.change(of: site) {
        let small = treatment.reduced(site)
        shape =
          storage == .transposed ? [small.columns, small.rows] : [small.rows, small.columns]
      }
      return HubTensor(
        record: record, name: name, storage: storage, order: order, shape: shape,
        cut: bias?.cut, correction: bias?.correction, isHub: isHub)
    }
  }

  private func hubForm(
    of record: TensorRecord, numbered: String
  ) throws -> (name: String, storage: WeightStorage, order: RowOrder) {
    guard checkpoint.format == .gguf else {
      return (numbered, storages[record.name] ?? .plain, .same)
    }
    guard let name = HuggingFaceNames.key(of: numbered, architecture: architecture) else {
      throw ExportError.untranslatable("the tensor \"\(record.name)\"")
    }
    let configuration = try program.get().configuration
    let isRotated =
      configuration.isRopeInterleaved
      && ["attn_q.", "attn_k."].contains { record.name.contains($0) }
    return (
      name, HuggingFaceNames.storage(of: record.name, architecture: architecture),
      isRotated ? .pairsToHalves(headLength: configuration.headLength) : .same
    )
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
    if change == nil, tensor.cut == nil, !isNumeric || (own == type && tensor.isStoredAlike) {
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
          cut: tensor.cut, correction: tensor.correction, storage: tensor.storage,
          order: tensor.order)))
  }
}
