import ArgumentParser
import Glibc
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseModels
import ViseTensor

/// What most commands begin with: a model, and how they report.
struct ModelArguments: ParsableArguments {
  @Argument(help: "The model.")
  var model: String

  @Flag(help: "Print one JSON object.")
  var json = false
}

/// Options of the commands that run a model.
struct RunOptions: ParsableArguments {
  @Option(help: "Memory for weights and caches, such as 4GB; half of the machine's by default.")
  var memory: ByteCount?

  @Option(help: "Threads to compute on; all cores by default.")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads takes a positive number") }
  }

  /// Bytes that caches may use.
  var memoryByteCount: Int { memory?.value ?? Self.physicalMemory / 2 }

  func pool() -> ComputePool { ComputePool(threadCount: threads ?? ComputePool.coreCount) }

  func session(
    _ model: Model, calibration: CalibrationFile? = nil, arithmetic: Arithmetic = .float32
  ) throws -> ModelSession {
    try ModelSession(
      model: model, calibration: calibration, levels: LevelDatabase.standard(),
      arithmetic: arithmetic, pool: pool(),
      budget: MemoryBudget(total: memoryByteCount))
  }

  static var physicalMemory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }
}

/// The option of the commands that treat sites.
struct CalibrationOptions: ParsableArguments {
  @Option(help: "Statistics written by vise calibrate; methods that use them choose better values.")
  var calibration: String?

  /// The file's statistics; `nil` where none is named.
  func load(for model: Model) throws -> CalibrationFile? {
    try calibration.map { try CalibrationFile(path: $0, model: model) }
  }

  /// Refuses to measure on the calibration text, and warns where the two texts overlap.
  static func check(_ calibration: CalibrationFile?, against text: EvaluationText) throws {
    guard let overlap = calibration?.overlap(with: text) else { return }
    if overlap.isWhole { throw CalibrationError.sameText }
    if !overlap.isNone {
      StandardError.write(
        "vise: warning: \(Percentage.text(overlap.share)) of the evaluation text is in the "
          + "calibration text; what is measured on it will look better than it is\n")
    }
  }
}

/// A number of bytes as people write it: 800MB, 4GiB, 1024.
struct ByteCount: ExpressibleByArgument {
  let value: Int

  private static let units: [(suffix: String, factor: Double)] = [
    ("KIB", 1024), ("MIB", 1_048_576), ("GIB", 1_073_741_824),
    ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1),
  ]

  init?(argument: String) {
    let text = argument.uppercased()
    let unit = Self.units.first { text.hasSuffix($0.suffix) }
    let digits = text.dropLast(unit?.suffix.count ?? 0)
    guard let number = Double(digits), number >= 1 else { return nil }
    let bytes = number * (unit?.factor ?? 1)
    guard bytes < 1e18 else { return nil }
    value = Int(bytes)
  }
}

/// Reads a plan file against a model.
enum PlanLoader {
  /// The plan at `path`; no path is the plan that keeps everything.
  static func load(_ path: String?, model: Model) throws -> PlanFile {
    guard let path else { return try PlanFile(text: "", sites: model.sites) }
    return try PlanFile(text: try text(path), sites: model.sites)
  }

  /// As `load`, with the ranks that rules ask for found from the weights.
  static func resolve(_ path: String, model: Model) throws -> PlanFile {
    let text = try text(path)
    let sites = model.sites
    let rules = try PlanFile.rankRules(text: text, sites: sites)
    let progress = ProgressLine("finding ranks, site")
    var ranks: [Int: Int] = [:]
    for site in sites {
      guard let rule = rules[site.index] else { continue }
      progress.report(ranks.count, of: rules.count)
      let spectrum = try WeightSpectrum(
        of: try model.decodeWeight(site.name), orderLimit: 8192, lengthLimit: .max,
        cancellation: Interrupt.flag)
      ranks[site.index] = spectrum.rank(rule, of: min(site.rows, site.columns))
    }
    return try PlanFile(text: text, sites: sites, ranks: ranks)
  }

  static func text(_ path: String) throws -> String {
    let file = try MappedFile(path: path)
    guard let text = file.withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw InputError.notUTF8(path: path)
    }
    return text
  }
}
