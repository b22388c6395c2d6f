import Glibc
import ViseEvaluation
import ViseModels
import ViseTensor

/// What holding predicted speeds against runs of random plans gave.
struct LatencyReport: Encodable {
  static let defaultPlans = 20

  struct Entry: Encodable {
    let treatedSites: Int
    /// Tokens a second.
    let predictedDecode, measuredDecode, predictedPrefill, measuredPrefill: Double
    let isCovered: Bool?

    fileprivate init(_ row: LatencyStudy.Row) {
      treatedSites = row.treatedSites
      predictedDecode = 1 / row.predicted.decodeSeconds
      measuredDecode = 1 / row.measured.decodeSeconds
      predictedPrefill = row.predicted.prefillRate
      measuredPrefill = row.measured.prefillRate
      isCovered = row.isCovered
    }
  }

  let seed: UInt64
  /// Medians of |log(predicted / measured)|.
  let decodeError, prefillError: Double
  /// Plans whose run something else disturbed; they are not counted.
  let disturbed: Int
  /// Plans that had an interval before they ran, and those it held.
  let withInterval, covered: Int
  /// Slowest over fastest of the plans measured.
  let spread: Double
  let plans: [Entry]

  /// Runs `plans` random plans of the model at `path`.
  init(model path: String, plans: Int, seed: UInt64, options: RunOptions) throws {
    let model = try Model(path: path)
    let session = try options.session(model)
    let meter = try LatencyMeter(session: session, files: MachineFiles.standard())
    let progress = ProgressLine("studying step")
    let rows = try LatencyStudy(meter: meter, cancellation: Interrupt.flag).run(
      LatencyPlans.all(plans, sites: model.sites, seed: seed)
    ) { progress.report($0, of: $1) }
    guard !rows.isEmpty else { throw InputError.nothingTimed }
    self.init(rows, of: plans, seed: seed)
  }

  private init(_ rows: [LatencyStudy.Row], of plans: Int, seed: UInt64) {
    func median(_ ratio: (LatencyStudy.Row) -> Double) -> Double {
      rows.map { abs(log(ratio($0))) }.sorted()[rows.count / 2]
    }
    let seconds = rows.map(\.measured.decodeSeconds)
    self.seed = seed
    decodeError = median { $0.predicted.decodeSeconds / $0.measured.decodeSeconds }
    prefillError = median { $0.predicted.prefillRate / $0.measured.prefillRate }
    disturbed = plans - rows.count
    withInterval = rows.count { $0.isCovered != nil }
    covered = rows.count { $0.isCovered == true }
    spread = (seconds.max() ?? 1) / (seconds.min() ?? 1)
    self.plans = rows.map { Entry($0) }
  }

  func printSummary() {
    for plan in plans {
      print(
        "decode \(Int(plan.predictedDecode)) predicted, \(Int(plan.measuredDecode)) measured; "
          + "prefill \(Int(plan.predictedPrefill)), \(Int(plan.measuredPrefill)) tokens/s")
    }
    print("decode    median error \(Percentage.text(decodeError))")
    print("prefill   median error \(Percentage.text(prefillError))")
    if disturbed > 0 { print("disturbed \(disturbed) plans, not counted") }
    print("intervals \(covered) of \(withInterval) held")
  }
}
