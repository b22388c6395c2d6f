import Glibc
import Synchronization
public import ViseCompression
public import ViseEstimates
public import ViseModels
import ViseTensor

/// Predicts how fast a plan runs on this machine, batch 1, from measured rates.
///
/// Decoding reads every weight once a token: it takes the longer of reading the bytes and
/// unpacking the weights. Prefill multiplies matrices and unpacks each weight once a batch.
public final class LatencyModel: LatencyPredicting {
  /// Tokens of one prefill batch.
  private static let prefillBatch = 512.0

  private let sites: [Site]
  private let headIndex: Int?
  private let embeddingIndex: Int?
  private let profile = Mutex<MachineProfile?>(nil)

  public init(model: Model) {
    sites = model.sites
    let graph = try? model.program.get().graph
    headIndex = graph.flatMap { graph in model.site(named: graph.head)?.index }
    embeddingIndex = model.sites.first { $0.role == .tokenEmbedding }?.index
  }

  /// Sets the machine's rates; until then nothing is predicted.
  public func use(_ profile: MachineProfile) {
    self.profile.withLock { $0 = profile }
  }

  public func latency(of plan: Plan) -> LatencyEstimate? {
    guard let profile = profile.withLock({ $0 }) else { return nil }
    let weights = weights(of: plan, rates: profile.unpackRates)
    let work = Work(weights, profile) { $0.median }
    let runs = profile.bandwidth.runs.indices.map { run in
      Work(weights, profile) { $0.runs[run] }.secondsPerToken(profile.bandwidth.runs[run])
    }
    let decode = work.secondsPerToken(profile.bandwidth.median)
    let prefill =
      Self.prefillBatch
      / (2 * work.weights * Self.prefillBatch / profile.matrixFlops.median + work.unpackSeconds)
    let provenance: Provenance =
      weights.contains { $0.isBorrowed } ? .prior : .predicted(tokens: 1)
    // In logarithms: a time has no interval below zero, however much the runs differ.
    let spread = MeanInterval(sums: runs.map { log($0) }, weights: runs.map { _ in 1 })
      .exponential.interval
    let interval = spread.map {
      Interval(lower: min($0.lower, decode), upper: max($0.upper, decode), level: $0.level)
    }
    return LatencyEstimate(
      decodeSecondsPerToken: Estimate(value: decode, interval: interval, provenance: provenance),
      prefillTokensPerSecond: Estimate(value: prefill, provenance: provenance),
      bindingCeiling: work.bytes / profile.bandwidth.median > work.unpackSeconds
        ? "memory bandwidth" : "unpacking")
  }

  /// Weights that one token reads and unpacks alike.
  private struct Share {
    let count: Int
    let bitsPerWeight: Double
    /// The type whose measured rate they are unpacked at.
    let type: StorageType
    /// Whether that rate stands in for a format none was measured for.
    let isBorrowed: Bool
  }

  /// What one token costs.
  private struct Work {
    var bytes = 0.0
    var weights = 0.0
    var unpackSeconds = 0.0

    init(_ shares: [Share], _ profile: MachineProfile, rate: (MachineProfile.Rate) -> Double) {
      for share in shares {
        weights += Double(share.count)
        bytes += Double(share.count) * share.bitsPerWeight / 8
        unpackSeconds +=
          Double(share.count) / (profile.unpackRates[share.type].map(rate) ?? .infinity)
      }
    }

    func secondsPerToken(_ bandwidth: Double) -> Double { max(bytes / bandwidth, unpackSeconds) }
  }

  /// Weights one token reads, by their format: every site, but of a separate embedding only one row.
  private func weights(
    of plan: Plan, rates: [StorageType: MachineProfile.Rate]
  ) -> [Share] {
    var counts: [NumberFormat: Int] = [:]
    for site in sites where site.index != embeddingIndex || site.index == headIndex {
      let treatment = plan.change(of: site)
      let format = treatment?.storedFormat(for: site) ?? .ggml(site.stored)
      let small = treatment?.reduced(site) ?? site
      counts[format, default: 0] +=
        treatment?.form.parameterCount(rows: small.rows, columns: small.columns)
        ?? small.parameterCount
    }
    return counts.compactMap { format, count in
      let own = format.storageType.flatMap { rates[$0] == nil ? nil : $0 }
      let nearest = rates.keys.min { a, b in
        (abs(a.bitsPerWeight - format.bitsPerWeight), a.rawValue)
          < (abs(b.bitsPerWeight - format.bitsPerWeight), b.rawValue)
      }
      return (own ?? nearest).map {
        Share(
          count: count, bitsPerWeight: format.bitsPerWeight, type: $0, isBorrowed: own == nil)
      }
    }
  }
}
