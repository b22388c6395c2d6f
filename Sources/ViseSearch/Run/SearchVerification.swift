public import ViseCompression
public import ViseEvaluation
public import ViseTensor

/// A stock preset as a plan for the model at hand.
public struct PresetRival: Hashable, Sendable {
  public let preset: StockPreset
  public let plan: Plan
  public let byteCount: Int

  /// Presets for a model, by falling size; those that make the same plan as another are left out.
  ///
  /// - Parameter base: treatments that stand, whatever a preset says.
  public static func all(
    for sites: [Site], sizes: SizeModel, base: Plan = Plan()
  ) -> [PresetRival] {
    var seen: Set<Plan> = []
    return StockPreset.allCases.map { preset -> PresetRival in
      var plan = preset.plan(for: sites)
      for (name, treatment) in base.treatments { plan[name] = treatment }
      return PresetRival(preset: preset, plan: plan, byteCount: sizes.byteCount(of: plan))
    }
    .filter { seen.insert($0.plan).inserted }
    .sorted { ($0.byteCount, $0.preset.rawValue) > ($1.byteCount, $1.preset.rawValue) }
  }
}

/// The found plan and a preset, measured on windows that had no share in the choice.
public struct SearchVerification: Sendable {
  public let rival: PresetRival
  public let outcome: Comparison.Outcome

  /// Mean KL of the preset, in nats.
  public var loss: Double? { outcome.second.divergence?.mean }

  /// Measures both plans on all of `evaluator`'s text.
  public init(
    _ plan: Plan, against rival: PresetRival, evaluator: PlanEvaluator,
    cancellation: CancellationFlag
  ) throws {
    self.rival = rival
    outcome = try Comparison(
      reference: evaluator, first: .plan(plan), second: .plan(rival.plan), text: evaluator.text
    ).run(
      metric: .divergence, margin: nil,
      schedule: LookSchedule(total: evaluator.text.windowCount, level: 0.9, isEarly: false),
      cancellation: cancellation, progress: { _ in })
  }
}
