import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

/// What a plan makes of a model's sites, made for real where codes are asked for.
struct PlannedSites {
  let model: Model
  let plan: Plan
  let calibration: (any CalibrationSource)?
  let pool: ComputePool
  let memoryByteCount: Int

  /// One treated site.
  struct Entry: Encodable {
    let treatment: String
    let bytes: Int
    /// Whether the codes were entropy-coded; formats without codes of their own cannot be.
    let coded: CodedEntry?
    /// Bits of an accumulator that no 8-bit inputs overflow, for integer formats.
    let accumulatorBits: Int?
    /// For formats with vector codebooks.
    let codebook: CodebookEntry?
  }

  /// How a codebook is used.
  struct CodebookEntry: Encodable {
    let usedShare: Double
    /// exp of the entropy of the codes' frequencies.
    let perplexity: Double
  }

  /// A size found by coding.
  struct CodedEntry: Encodable {
    let bytes: Int
    /// −Σ p·log₂ p of the codes, in bits a code.
    let entropy: Double
  }

  /// By site; `isCoded` treats each site and codes what it stores.
  func entries(isCoded: Bool) throws -> [Int: Entry] {
    let changes = model.sites.compactMap { site in plan.change(of: site).map { (site, $0) } }
    let progress = ProgressLine("coding site")
    let compressor = SiteCompressor(
      reference: WeightStore(model: model, byteBudget: memoryByteCount / 4),
      calibration: calibration, levels: LevelDatabase.standard(), byteBudget: 0)
    var entries: [Int: Entry] = [:]
    for (index, (site, treatment)) in changes.enumerated() {
      if isCoded { progress.report(index, of: changes.count) }
      let figures =
        isCoded
        ? StorageFigures(
          try compressor.stored(
            site, under: treatment, on: pool, cancellation: Interrupt.flag)) : nil
      entries[site.index] = Entry(
        treatment: treatment.name, bytes: model.sizeModel.byteCount(of: site, under: treatment),
        coded: figures?.coded.map { CodedEntry(bytes: $0.codedByteCount, entropy: $0.entropy) },
        accumulatorBits: figures?.accumulatorBits,
        codebook: figures?.codebook.map {
          CodebookEntry(usedShare: $0.usedShare, perplexity: $0.perplexity)
        })
    }
    if isCoded { progress.report(changes.count, of: changes.count) }
    return entries
  }
}

/// A plan's sites together.
struct PlannedTotals: Encodable {
  /// Bytes of all sites, untreated ones as stored.
  let bytes: Int
  /// The same with the codes of treated sites entropy-coded, where that was asked for.
  let codedBytes: Int?
  /// Treated sites whose formats have no codes of their own; they count as they are stored.
  let uncodedSites: Int?

  init(_ model: Model, entries: [Int: PlannedSites.Entry], isCoded: Bool) {
    let sizes = model.sizeModel
    func sum(_ bytes: (PlannedSites.Entry) -> Int) -> Int {
      model.sites.reduce(0) {
        $0 + (entries[$1.index].map(bytes) ?? sizes.byteCount(of: $1, under: .keep))
      }
    }
    bytes = sum { $0.bytes }
    codedBytes = isCoded ? sum { $0.coded?.bytes ?? $0.bytes } : nil
    uncodedSites = isCoded ? entries.values.count { $0.coded == nil } : nil
  }
}
