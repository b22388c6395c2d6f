import ArgumentParser
import ViseCompression
import ViseGraphs
import ViseModels
import ViseSearch

/// Limits of a search, as the command line has them.
struct BudgetOptions: ParsableArguments {
  @Option(help: "The largest file, such as 60MB.")
  var size: ByteCount?

  @Option(help: "The most bits a weight, scales included; a size by another name.")
  var bitsPerWeight: Double?

  @Option(
    help: "For ONNX: the most multiplications for an image, such as 10M, or 50% of the model's.")
  var macs: Multiplications?

  @Option(help: "For ONNX: how many times faster it shall be, such as 1.5, by a prior of the time.")
  var speedup: Double?

  @Option(help: "The longest time for a decoded token, such as 12ms; needs --latency-on.")
  var latency: Seconds?

  @Option(help: "The device the latency and memory are of; see vise devices.")
  var latencyOn: String?

  @Option(help: "The most memory at work on that device, such as 1GB.")
  var memoryLimit: ByteCount?

  @Option(help: "Tokens before the one that is decoded, for latency and memory.")
  var context = 2048

  @Option(
    help: "The largest mean KL divergence; without other limits the smallest file is looked for.")
  var maxKl: Double?

  func validate() throws {
    if isFloorOnly, maxKl == nil {
      throw ValidationError(
        "pass a limit: --size, --bits-per-weight, --latency, --memory-limit or --max-kl; for ONNX "
          + "--macs or --speedup too")
    }
    if let speedup, !(speedup > 1 && speedup < 1000) {
      throw ValidationError("--speedup takes a number above 1")
    }
    if size != nil, bitsPerWeight != nil {
      throw ValidationError("--size and --bits-per-weight limit the same thing")
    }
    if (latency != nil || memoryLimit != nil) != (latencyOn != nil) {
      throw ValidationError("--latency and --memory-limit go with --latency-on")
    }
    if let maxKl, !(maxKl > 0) { throw ValidationError("--max-kl takes a positive number") }
    if let bitsPerWeight, !(bitsPerWeight > 0) {
      throw ValidationError("--bits-per-weight takes a positive number")
    }
    guard (0...1 << 24).contains(context) else {
      throw ValidationError("--context takes 0 to \(1 << 24) tokens")
    }
  }

  /// Whether quality is all that is limited.
  var isFloorOnly: Bool {
    size == nil && bitsPerWeight == nil && latency == nil && memoryLimit == nil && !limitsWork
  }

  /// Whether what an image takes to compute is limited.
  var limitsWork: Bool { macs != nil || speedup != nil }

  /// What serves limits of an image's work; `nil` where there are none.
  var workTreatments: [Treatment]? {
    guard limitsWork else { return nil }
    return (macs == nil ? [] : SearchSpaceBuilder.graphDecompositions)
      + (speedup == nil ? [] : SearchSpaceBuilder.graphReductions)
  }

  /// - Parameter modelMacs: multiplications of the model as loaded, where they are known.
  func budget(sites: [Site], sizes: SizeModel, modelMacs: Int? = nil) -> Budget {
    var budget = Budget()
    // Without a limit sizes are counted all the same, and spent where the smallest file is looked for.
    if isFloorOnly || limitsWork { budget.limits[.bytes] = .infinity }
    if let size { budget.limits[.bytes] = Double(size.value) }
    if let bitsPerWeight {
      let weights = sites.reduce(0) { $0 + $1.parameterCount }
      let stored = sites.reduce(0) { $0 + sizes.byteCount(of: $1, in: Plan()) }
      let others = sizes.byteCount(of: Plan()) - stored
      budget.limits[.bytes] = bitsPerWeight * Double(weights) / 8 + Double(others)
    }
    budget.limits[.decodeSeconds] = latency?.value
    budget.limits[.memory] = memoryLimit.map { Double($0.value) }
    budget.limits[.macs] = macs?.count(of: modelMacs ?? 0)
    budget.limits[.relativeTime] = speedup.map { 1 / $0 }
    return budget
  }
}

/// What a search may choose, as the command line has it.
struct SpaceOptions: ParsableArguments {
  @Option(
    help: """
      Treatments to choose among, with commas between; by default the types llama.cpp runs from \
      two to eight bits, and for ONNX integers of 4 and 8 bits, under --macs tensor \
      decompositions, under --speedup fewer channels and separable filters.
      """)
  var options: String?

  @Option(
    help: "A plan to start from: what it treats stays, unless --unlock names it.")
  var start: String?

  @Option(
    parsing: .upToNextOption, help: "Layers of --start that may change, by name, with * and ?.")
  var unlock: [String] = []

  @Option(
    parsing: .upToNextOption, help: "Layers that keep what they have, by name, with * and ?.")
  var keep: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: "Layers of a block that get the same, as runtimes that fuse them need: qkv, gate-up.")
  var tie: [String] = []

  func validate() throws {
    for name in tie where SearchSpaceBuilder.Tie(rawValue: name) == nil {
      throw ValidationError("--tie takes qkv and gate-up")
    }
    if !unlock.isEmpty, start == nil { throw ValidationError("--unlock needs --start") }
  }

  func space(for model: Model) throws -> SearchSpace {
    try space(
      of: model.sites, locked: try PlanLoader.load(start, model: model).plan, sizes: nil)
  }

  /// As for other models, without what takes as many bytes as the file's own values.
  ///
  /// - Parameter standard: what is chosen among where no options are given.
  func space(
    for model: GraphModel, sizes: SizeModel, standard: [Treatment]?
  ) throws -> SearchSpace {
    try space(
      of: model.sites.map(\.site), locked: try GraphPlanLoader.load(start, model: model).plan,
      sizes: sizes, standard: standard)
  }

  private func space(
    of sites: [Site], locked: Plan, sizes: SizeModel?, standard: [Treatment]? = nil
  ) throws -> SearchSpace {
    var locked = locked
    for pattern in unlock {
      for site in try PlanFile.sites(matching: pattern, among: sites) {
        locked[site.name] = .keep
      }
    }
    var builder = SearchSpaceBuilder(
      sites: sites, locked: locked,
      treatments: try options.map(TreatmentList.parse)
        ?? standard ?? SearchSpaceBuilder.standardTreatments(for: sites))
    builder.sizes = sizes
    builder.ties = Set(tie.compactMap(SearchSpaceBuilder.Tie.init(rawValue:)))
    for pattern in keep {
      builder.keptSites.formUnion(
        try PlanFile.sites(matching: pattern, among: sites).map(\.name))
    }
    return builder.build()
  }
}

/// A number of multiplications as people write it: 10M, 1.5G, or 50% of a model's.
struct Multiplications: ExpressibleByArgument {
  private let number: Double
  private let isShare: Bool

  init?(argument: String) {
    let text = argument.uppercased()
    let units: [(String, Double)] = [("K", 1e3), ("M", 1e6), ("G", 1e9), ("%", 1e-2)]
    let unit = units.first { text.hasSuffix($0.0) }
    guard let number = Double(text.dropLast(unit == nil ? 0 : 1)), number > 0, number < 1e15 else {
      return nil
    }
    self.number = number * (unit?.1 ?? 1)
    isShare = unit?.0 == "%"
  }

  /// - Parameter whole: those of the model.
  func count(of whole: Int) -> Double { isShare ? number * Double(whole) : number }
}

/// A time as people write it: 12ms, 0.5s, 800us.
struct Seconds: ExpressibleByArgument {
  let value: Double

  init?(argument: String) {
    let text = argument.lowercased()
    let units: [(String, Double)] = [("ms", 1e-3), ("us", 1e-6), ("s", 1)]
    let unit = units.first { text.hasSuffix($0.0) }
    guard let number = Double(text.dropLast(unit?.0.count ?? 0)), number > 0, number < 1e6 else {
      return nil
    }
    value = number * (unit?.1 ?? 1)
  }
}
