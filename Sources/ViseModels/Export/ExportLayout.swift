public import ViseCompression
public import ViseFormats
import ViseTensor

extension Model {
  /// Where everything lies in the GGUF file `plan` exports to, known before a byte is written.
  ///
  /// Metadata and tokenizer are the source's. The two keys that describe quantization are always
  /// there, so the header's length does not depend on the plan.
  public func exportLayout(of plan: Plan) throws -> GGUFLayout {
    try ggufExport(of: plan).layout
  }

  /// The layout with the source's tensors that it holds, in its order.
  func ggufExport(of plan: Plan) throws -> (layout: GGUFLayout, sources: [TensorRecord]) {
    guard checkpoint.format == .gguf else { throw ExportError.sourceIsNotGGUF }
    let misfits = ggufMisfits(of: plan)
    guard misfits.isEmpty else { throw ExportError.unsuitable(misfits) }
    let types = exportTypes(of: plan)
    let shape = PlanStructure(of: plan, sites: sites)
    var metadata = exportMetadata()
    metadata["general.file_type"] = .uint32(FileTypeNumber.describing(types, of: checkpoint))
    try describe(shape, in: &metadata)
    let sites = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0) })
    var sources: [TensorRecord] = []
    var tensors: [GGUFLayout.Tensor] = []
    for record in checkpoint.tensors {
      guard let name = name(of: record.name, in: shape) else { continue }
      var dimensions = record.shape
      if let site = sites[record.name], let treatment = plan.change(of: site) {
        let small = treatment.reduced(site)
        dimensions = [small.rows, small.columns]
      } else if let cut = plan.rowCut(of: channelCatalog?.links[record.name]) {
        dimensions = [cut.keptRows]
      }
      sources.append(record)
      tensors.append(
        GGUFLayout.Tensor(name: name, shape: dimensions, type: types[record.name] ?? record.type))
    }
    return (try GGUFLayout(metadata: metadata, tensors: tensors), sources)
  }

  /// Exact sizes of exported files, as a value a screen can ask for each frame.
  public var sizeModel: SizeModel {
    let stored = sites.map { checkpoint.record(named: $0.name)?.byteCount ?? 0 }
    guard let layout = try? exportLayout(of: Plan()) else {
      return SizeModel(
        fixedByteCount: checkpoint.byteCount - stored.reduce(0, +), alignment: 1, sites: sites,
        storedByteCounts: stored, safetensors: safetensorsSizes, writesGGUF: false)
    }
    let padded = stored.map { ($0 + layout.alignment - 1) / layout.alignment * layout.alignment }
    return SizeModel(
      fixedByteCount: layout.byteCount - padded.reduce(0, +), alignment: layout.alignment,
      sites: sites, storedByteCounts: stored, safetensors: safetensorsSizes,
      structure: ggufStructure)
  }

  /// New storage types by tensor name.
  private func exportTypes(of plan: Plan) -> [String: StorageType] {
    Dictionary(
      uniqueKeysWithValues: sites.compactMap { site in
        guard let treatment = plan.change(of: site) else { return nil }
        return treatment.storedFormat(for: site).storageType.map { (site.name, $0) }
      })
  }

  /// The sites whose treatment no GGUF file can hold, with reasons.
  public func ggufMisfits(of plan: Plan) -> [ExportMisfit] {
    sites.compactMap { site -> ExportMisfit? in
      guard let treatment = plan.change(of: site) else { return nil }
      let reason = treatment.problem(for: site) ?? treatment.ggufRestriction(for: site)
      return reason.map { ExportMisfit(site: site.name, treatment: treatment.name, reason: $0) }
    } + structureMisfits(of: plan)
  }
}

/// A reason a model cannot be exported.
public enum ExportError: Error, Equatable, Sendable {
  /// The metadata a GGUF file needs is only known for GGUF sources.
  case sourceIsNotGGUF
  /// Treatments the target cannot hold, found before any work.
  case unsuitable([ExportMisfit])
  /// A tensor or setting of the source that a Hugging Face folder has no place for.
  case untranslatable(String)
}

/// A site whose treatment a target cannot hold.
public struct ExportMisfit: Hashable, Sendable {
  public let site: String
  public let treatment: String
  public let reason: String

  public init(site: String, treatment: String, reason: String) {
    self.site = site
    self.treatment = treatment
    self.reason = reason
  }
}

/// The number GGUF's `general.file_type` gives a mix: that of the type holding most weights.
enum FileTypeNumber {
  /// llama.cpp's `llama_ftype` numbers.
  private static let numbers: [StorageType: UInt32] = [
    .f32: 0, .f16: 1, .q4_0: 2, .q4_1: 3, .q8_0: 7, .q5_0: 8, .q5_1: 9, .q2_K: 10, .q3_K: 12,
    .q4_K: 15, .q5_K: 17, .q6_K: 18, .iq2_XXS: 19, .iq2_XS: 20, .iq3_XXS: 23, .iq1_S: 24,
    .iq4_NL: 25, .iq3_S: 26, .iq2_S: 28, .iq4_XS: 30, .iq1_M: 31, .bf16: 32, .tq1_0: 36, .tq2_0: 37,
    .mxfp4: 38,
  ]
  /// What llama.cpp calls a guessed type.
  private static let guessed: UInt32 = 1024

  static func describing(_ types: [String: StorageType], of checkpoint: Checkpoint) -> UInt32 {
    var counts: [StorageType: Int] = [:]
    for tensor in checkpoint.tensors {
      counts[types[tensor.name] ?? tensor.type, default: 0] += tensor.elementCount
    }
    let largest = counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
    return largest.flatMap { numbers[$0.key] } ?? guessed
  }
}
