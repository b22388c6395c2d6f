public import ViseCompression
public import ViseEstimates
import ViseWorkbench

/// Made-up searches and measured plans, for tests only.
public enum SearchFixture {
  /// The first `share` of the sites in two bits, the rest in six.
  public static func plan(_ share: Double, _ summary: ModelSummary) -> Plan {
    var plan = Plan()
    let limit = Int(share * Double(summary.sites.count))
    for site in summary.sites {
      guard let asked = DefaultFormat.asked(bits: site.index < limit ? 2 : 6),
        let format = DefaultFormat.resolve(asked, for: site)?.used
      else { continue }
      plan[site.name] = Treatment(format: format)
    }
    return plan
  }

  public static func estimate(_ value: Double) -> Estimate {
    Estimate(
      value: value, interval: Interval(lower: value * 0.95, upper: value * 1.05, level: 0.9),
      provenance: .measured(tokens: 8192, of: 8192))
  }

  /// A search that has measured `trials` plans, each fourth better than all before.
  public static func snapshot(trials: Int, _ summary: ModelSummary) -> SearchSnapshot {
    let curve = stride(from: 1, through: trials, by: 4).map {
      SearchSnapshot.CurvePoint(trial: $0, loss: 0.02 + 0.1 / Double($0))
    }
    return SearchSnapshot(
      stage: trials == 0 ? .surveying(waiting: 40) : .measuring, trials: trials,
      seconds: Double(trials) * 3, secondsLimit: 300, strategy: "descent",
      best: curve.last.map {
        MeasuredPlan(plan: plan(0.5, summary), klMean: estimate($0.loss))
      }, curve: curve)
  }

  /// Plans of many sizes, every third of them beaten.
  public static func measuredPlans(of summary: ModelSummary) -> [MeasuredPlan] {
    (0...20).map { step in
      let share = Double(step) / 20
      let loss = 0.01 + 0.3 * share * share
      return MeasuredPlan(
        plan: plan(share, summary), klMean: estimate(step % 3 == 1 ? loss * 3 : loss))
    }
  }
}

extension Driver {
  /// Types a limit, then presses keys.
  public mutating func limit(_ text: String, then keys: String) {
    press("b")
    type(text)
    press("enter")
    press(keys)
  }

  public mutating func reportSearch(trials: Int) {
    guard let job = state.search?.job else { return }
    apply(.engineReported(.searched(job: job, SearchFixture.snapshot(trials: trials, summary))))
  }

  public mutating func reportMeasuredPlans() {
    apply(.engineReported(.measuredPlans(SearchFixture.measuredPlans(of: summary))))
  }
}
