import ArgumentParser
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

extension PlanCommand {
  /// Writes a plan whose ratios or formats are found from the weights of the whole model.
  struct Fill: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a plan that spreads pruning or bits over a model's layers.",
      discussion: """
        --prune removes that share of all weights together: global-magnitude by one threshold on \
        their magnitudes, pq-index by how many weights of each layer matter. --bits gives each \
        layer the default format that water-filling over its weights' variance, and the energy of \
        its inputs with --calibration, wants for it. --mix gives every layer, embeddings and output \
        too, the type a published mix has for its place.
        """)

    @Argument(help: "The model.")
    var model: String

    @Option(help: "The share of all weights to remove, such as 0.5.")
    var prune: Double?

    @Option(help: "global-magnitude or pq-index.")
    var pruneBy = PruneStrategy.globalMagnitude

    @Option(help: "The share of its weights every layer keeps at least.")
    var minimum = 0.1

    @Option(help: "Mean bits of a weight, scales included.")
    var bits: Double?

    @Option(help: "A mix of ggml's types by name: dq3_k_m.")
    var mix: MixName?

    @Option(
      help: "Layers by name, with * and ?; all but embeddings and output, or with --mix all.")
    var sites: String?

    @OptionGroup var calibration: CalibrationOptions

    @Option(help: "Where to write; standard output by default.")
    var out: String?

    @Flag(help: "Replace an existing file.")
    var overwrite = false

    func validate() throws {
      if prune == nil, bits == nil, mix == nil {
        throw ValidationError("pass --prune, --bits or --mix")
      }
      if bits != nil, mix != nil { throw ValidationError("--bits and --mix both choose formats") }
      if let prune, !(prune > 0 && prune < 1) {
        throw ValidationError("--prune takes a share between 0 and 1")
      }
      guard minimum >= 0, minimum < 1 else {
        throw ValidationError("--minimum takes a share of 0 or more and below 1")
      }
      if let bits, !(bits > 0 && bits <= 16) {
        throw ValidationError("--bits takes a number up to 16")
      }
    }

    func run() throws {
      try CommandRunner.run {
        let model = try Model(path: model)
        let filler = PlanFiller(
          model: model, sites: try Self.sites(of: model, sites, all: mix != nil),
          calibration: try calibration.load(for: model))
        var plan = Plan()
        if let bits { try filler.fill(&plan, bitsPerWeight: bits) }
        if mix == .dq3KM { filler.mix(&plan) }
        if let prune {
          try filler.fill(&plan, pruning: prune, by: pruneBy, minimum: minimum)
        }
        let text = PlanFile.text(of: plan, sites: model.sites)
        StandardError.write(
          "\(plan.treatments.count) layers, \(model.sizeModel.byteCount(of: plan)) bytes of "
            + "\(model.sizeModel.byteCount(of: Plan()))\n")
        guard let out else {
          print(text, terminator: "")
          return
        }
        try TextFile.write(text, to: out, replacing: overwrite)
      }
    }

    private static func sites(
      of model: Model, _ pattern: String?, all: Bool
    ) throws -> [Site] {
      guard let pattern else {
        return model.sites.filter {
          all || ($0.role != .tokenEmbedding && $0.role != .output)
        }
      }
      return try PlanFile.sites(matching: pattern, among: model.sites)
    }
  }
}

/// How a share of pruning is spread over layers.
enum PruneStrategy: String, ExpressibleByArgument, CaseIterable {
  case globalMagnitude = "global-magnitude"
  case pqIndex = "pq-index"
}

/// Published mixes of types.
enum MixName: String, ExpressibleByArgument, CaseIterable {
  case dq3KM = "dq3_k_m"

  init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}

/// Spreads pruning and bits over sites from their weights, one weight in memory at a time.
struct PlanFiller {
  let model: Model
  let sites: [Site]
  let calibration: (any CalibrationSource)?

  /// Sets the share each site loses.
  func fill(
    _ plan: inout Plan, pruning ratio: Double, by strategy: PruneStrategy, minimum: Double
  ) throws {
    let shares =
      switch strategy {
      case .globalMagnitude: try globalShares(ratio, minimum)
      case .pqIndex: try adaptiveShares(ratio, minimum)
      }
    for (site, share) in zip(sites, shares) {
      // Four digits are finer than rows are long.
      let rounded = (share * 10_000).rounded() / 10_000
      guard rounded > 0 else { continue }
      plan[site.name].sparsity = Sparsity(ratio: rounded)
    }
  }

  private func globalShares(_ ratio: Double, _ minimum: Double) throws -> [Double] {
    let counts = sites.map(\.parameterCount)
    let kept = try GlobalMagnitude(ratio: ratio, minimumShare: minimum)
      .keptCounts(weightCounts: counts) { index in
        try Interrupt.flag.check()
        return try model.decodeWeight(sites[index].name)
      }
    return zip(kept, counts).map { 1 - Double($0) / Double(max($1, 1)) }
  }

  private func adaptiveShares(_ ratio: Double, _ minimum: Double) throws -> [Double] {
    let measure = PQIndex()
    let measured = try sites.map { site in
      try Interrupt.flag.check()
      let weight = try model.decodeWeight(site.name)
      return (index: measure.index(weight.values), count: weight.count)
    }
    return measure.ratios(of: measured, ratio: ratio, limit: 1 - minimum)
  }

  /// Sets each site's format to that of the mix.
  func mix(_ plan: inout Plan) {
    for (site, format) in zip(sites, DynamicThreeBitMix().formats(for: sites)) {
      plan[site.name].format = format
    }
  }

  /// Sets the format of each site.
  func fill(_ plan: inout Plan, bitsPerWeight: Double) throws {
    let progress = ProgressLine("reading layer")
    let candidates = try sites.enumerated().map { index, site in
      try Interrupt.flag.check()
      progress.report(index + 1, of: sites.count)
      return RateFill.Candidate(
        site: site, weight: try model.decodeWeight(site.name),
        statistics: try calibration?.statistics(of: site))
    }
    let formats = RateFill(bitsPerWeight: bitsPerWeight).formats(for: candidates)
    for (site, format) in zip(sites, formats) { plan[site.name].format = format }
  }
}
