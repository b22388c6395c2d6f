public import ViseCompression
public import ViseEstimates
import ViseTensor
public import ViseWorkbench

/// A model that needs no file: Llama-like blocks, rows of 576 that k-quants do not fit and 1536
/// that they do.
public enum FixtureModel {
  /// A model of `blocks` blocks, seven sites each, and an embedding.
  public static func summary(
    path: String = "fixture.gguf", blocks: Int, calibratedSites: Set<Int>? = nil
  ) -> ModelSummary {
    var sites: [Site] = []
    func add(_ name: String, _ role: SiteRole, _ block: Int?, _ rows: Int, _ columns: Int) {
      sites.append(
        Site(
          index: sites.count, name: name, role: role, block: block, rows: rows, columns: columns,
          stored: .q8_0))
    }
    add("token_embd.weight", .tokenEmbedding, nil, 49152, 576)
    for block in 0..<blocks {
      add("blk.\(block).attn_q.weight", .attentionQuery, block, 576, 576)
      add("blk.\(block).attn_k.weight", .attentionKey, block, 192, 576)
      add("blk.\(block).attn_v.weight", .attentionValue, block, 192, 576)
      add("blk.\(block).attn_output.weight", .attentionOutput, block, 576, 576)
      add("blk.\(block).ffn_gate.weight", .ffnGate, block, 1536, 576)
      add("blk.\(block).ffn_up.weight", .ffnUp, block, 1536, 576)
      add("blk.\(block).ffn_down.weight", .ffnDown, block, 576, 1536)
    }
    let stored = sites.map { NumberFormat.ggml($0.stored) }
    let bytes = zip(sites, stored).map { $1.byteCount(rows: $0.rows, columns: $0.columns) ?? 0 }
    let size = SizeModel(
      fixedByteCount: 1_791_424, alignment: 32, sites: sites, storedByteCounts: bytes)
    return ModelSummary(
      name: "Fixture-135M", architecture: "llama", path: path, fingerprint: "fixture\(blocks)",
      parameterCount: sites.reduce(0) { $0 + $1.parameterCount },
      fileByteCount: size.byteCount(of: Plan()), blockCount: blocks, sites: sites,
      sizeModel: size, evaluationUnavailable: nil,
      calibration: calibratedSites.map { CalibrationSummary(tokenCount: 4096, sites: $0) })
  }

  /// What single sites cost, for four sites of five.
  public static func sensitivities(of summary: ModelSummary) -> [SiteSensitivity] {
    summary.sites.filter { $0.index % 5 != 4 }.flatMap { site in
      NumberFormat.encodable.map { NumberFormat.ggml($0) }
        .filter { $0.byteCount(rows: site.rows, columns: site.columns) != nil }
        .map { format in
          let estimate = Estimate(
            value: divergence(site, format), provenance: .predicted(tokens: 256))
          return SiteSensitivity(
            siteIndex: site.index, treatment: Treatment(format: format), klMean: estimate)
        }
    }
  }

  /// Made-up values of a site: a bell before, spikes after; tests only.
  public static func inspection(of site: Site, under treatment: Treatment) -> SiteInspection {
    let bins = (0..<240).map { bin in
      let distance = Double(bin - 120) / 40
      return Int(10_000 / (1 + distance * distance * distance * distance))
    }
    let spikes = bins.enumerated().map { $0 % 16 == 8 ? $1 * 16 : 0 }
    let zeros = Int((treatment.sparsity?.ratio ?? 0) * Double(site.parameterCount))
    let original: [Float] = [0.5, -0.25, 0.125, 1]
    let treated: [Float] = [0.5, -0.5, 0, 1]
    let isKept = treatment == .keep
    return SiteInspection(
      siteIndex: site.index, treatment: treatment,
      before: WeightHistogram(
        limit: 0.42, bins: bins, zeroCount: 0, outsideCount: 3, count: site.parameterCount),
      shape: 1.5,
      after: isKept
        ? nil
        : WeightHistogram(
          limit: 0.42, bins: spikes, zeroCount: zeros, outsideCount: 3,
          count: site.parameterCount),
      distortion: isKept ? nil : Distortion(original: original, treated: treated, count: 4),
      storage: isKept ? nil : storage(of: site, under: treatment),
      spectrum: spectrum(of: site))
  }

  /// Codes that lose a sixteenth, and sums of 20 bits; tests only.
  private static func storage(of site: Site, under treatment: Treatment) -> StorageFigures {
    let bytes = treatment.byteCount(for: site) ?? 0
    let coded = CodedSize(
      codeCount: site.parameterCount, plainCodeBytes: bytes, codedCodeBytes: bytes - bytes / 16,
      entropy: 3.75, otherBytes: 0)
    guard case .integer? = treatment.format else {
      return StorageFigures(coded: nil, accumulatorBits: nil)
    }
    return StorageFigures(coded: coded, accumulatorBits: 20)
  }

  /// Singular values that fall as 1/k; tests only.
  public static func spectrum(of site: Site) -> WeightSpectrum {
    WeightSpectrum(
      values: (0..<min(site.rows, site.columns)).map { 10 / Float(1 + $0) },
      rows: site.rows, columns: site.columns, isSampled: false)
  }

  /// A made-up divergence of one site in one format, for tests only.
  public static func divergence(_ site: Site, _ format: NumberFormat) -> Double {
    let weight = 0.4 + Double((site.index * 37) % 100) / 40
    var noise = 2.0
    for _ in 0..<Int(format.bitsPerWeight * 2) { noise *= 0.5 }
    return noise * weight
  }
}

/// Answers as an engine would, from a script; tests only.
public final class ScriptedEngine: EngineConnection, InstantPredictor {
  private let mailbox: EngineMailbox
  private let summary: ModelSummary

  public var predictor: (any InstantPredictor)? { self }

  public init(mailbox: EngineMailbox, summary: ModelSummary) {
    self.mailbox = mailbox
    self.summary = summary
    mailbox.post(.opened(summary))
    mailbox.post(.sensitivities(FixtureModel.sensitivities(of: summary)))
    mailbox.post(.log("scripted engine, \(summary.sites.count) sites"))
  }

  public func loss(
    of site: Site, under treatment: Treatment
  ) -> (klMean: Double, isMeasured: Bool)? {
    treatment.format.map { (FixtureModel.divergence(site, $0), true) }
  }

  /// Gives every site the largest common format under which the file fits.
  public func fit(base: Plan, limits: PlanLimits) -> FitOutcome {
    for bits in DefaultFormat.bitWidths.reversed() {
      var plan = base
      for site in summary.sites where base[site.name] == .keep {
        guard let asked = DefaultFormat.asked(bits: bits),
          let format = DefaultFormat.resolve(asked, for: site)?.used
        else { continue }
        plan[site.name] = Treatment(format: format)
      }
      guard summary.sizeModel.byteCount(of: plan) <= limits.byteCount ?? .max else { continue }
      return .fitted(plan, guessed: 0, total: summary.sites.count)
    }
    return .refused("no common format is that small")
  }

  public var presetNames: [String] { ["Q2_K", "Q4_K_M"] }

  /// Two bits for the first half of the sites in one preset, for a tenth in the other.
  public func plan(for source: PlanSource) -> PlanAnswer {
    switch source {
    case .preset("Q2_K"): .found(SearchFixture.plan(0.5, summary))
    case .preset("Q4_K_M"): .found(SearchFixture.plan(0.1, summary))
    case .file(let path): .refused("\(path): no such file")
    default: .found(Plan())
    }
  }

  /// A line a treated layer, which nothing reads.
  public func text(of plan: Plan) -> String? {
    summary.sites.filter { plan[$0.name] != .keep }
      .map { "\($0.name) = \(plan[$0.name].name)\n" }.joined()
  }

  public func predict(_ plan: Plan) -> (quality: QualityEstimate?, latency: LatencyEstimate?) {
    let provenance =
      plan.isEmpty ? Provenance.exact : .predicted(tokens: 256)
    let kl = summary.sites.reduce(0) { total, site in
      total + (plan[site.name].format.map { FixtureModel.divergence(site, $0) } ?? 0)
    }
    let seconds = 1e-3 + Double(summary.sizeModel.byteCount(of: plan)) / 14e9
    let quality = QualityEstimate(
      klMean: estimate(kl, spread: 0.2, provenance),
      perplexityRatio: Estimate(value: 1 + kl * 1.1, provenance: provenance),
      top1Agreement: Estimate(value: 1 / (1 + 2 * kl), provenance: provenance))
    let latency = LatencyEstimate(
      decodeSecondsPerToken: Estimate(
        value: seconds,
        interval: Interval(lower: seconds * 0.95, upper: seconds * 1.05, level: 0.9),
        provenance: .predicted(tokens: 32)),
      prefillTokensPerSecond: Estimate(value: 900, provenance: .predicted(tokens: 32)),
      bindingCeiling: "memory bandwidth")
    return (quality, latency)
  }

  private func estimate(_ value: Double, spread: Double, _ provenance: Provenance) -> Estimate {
    guard provenance != .exact else { return Estimate(value: 0, provenance: .exact) }
    return Estimate(
      value: value,
      interval: Interval(
        lower: value * (1 - spread), upper: value * (1 + spread), level: 0.9),
      provenance: provenance)
  }

  public func send(_ request: EngineRequest) {
    switch request {
    case .export(let plan, let path, _, let job):
      let bytes = summary.sizeModel.byteCount(of: plan)
      mailbox.post(.jobEnded(job: job, .finished("wrote \(path), \(bytes) bytes")))
    case .inspect(let site, let treatment):
      mailbox.post(.inspected(FixtureModel.inspection(of: summary.sites[site], under: treatment)))
    case .findSpectra(let sites):
      for site in sites {
        mailbox.post(
          .spectrum(site: site, FixtureModel.spectrum(of: summary.sites[site])))
      }
    case .search(_, let job):
      mailbox.post(.searched(job: job, SearchFixture.snapshot(trials: 9, summary)))
    case .findMeasuredPlans:
      mailbox.post(.measuredPlans(SearchFixture.measuredPlans(of: summary)))
    case .setSearchPaused, .evaluate, .attend, .cancel, .setPaused, .endInspection: break
    }
  }

  /// Posts figures without end from a thread of its own, as fast as it can.
  public func flood() {
    let mailbox = mailbox
    Task.detached(priority: .low) {
      var count = 0
      while true {
        count += 1
        mailbox.post(
          .progress(
            JobProgress(
              job: -1, activity: "measuring", completed: count % 100, total: 100,
              secondsRemaining: 1)))
        mailbox.post(.log("line \(count)"))
      }
    }
  }

  public func shutDown() {}
}
