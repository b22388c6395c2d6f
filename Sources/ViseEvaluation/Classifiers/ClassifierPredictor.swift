public import ViseCompression
import ViseGraphs
public import ViseTensor

/// Predicts what plans do to a classifier from what each site's treatment does alone.
///
/// Logits of a plan ≈ the reference's + Σ (logits with one site treated − the reference's), image by
/// image on a probe: superposition holds what noise at many layers adds up to, and softmax and the
/// largest class are taken of the sum, not added.
public final class ClassifierPredictor {
  /// What a plan is predicted to do on the probe.
  public struct Prediction: Hashable, Sendable {
    /// KL of superposed logits, in nats, and the sum of the sites' own.
    public let superposed: Double
    public let sum: Double
    /// The probe's images whose class the superposed logits name, of `images`; `referenceHits` for no
    /// plan.
    public let hits: Int
    public let referenceHits: Int
    /// The probe's images for which plan and reference name the same class.
    public let agreements: Int
    public let images: Int

    /// √(superposed · sum): superposition overshoots where changes are large, sums undershoot.
    public var divergence: Double { (superposed * sum).squareRoot() }

    /// The reference's share of right images less the plan's.
    public var top1Drop: Double { Double(referenceHits - hits) / Double(images) }
  }

  private let evaluator: ClassifierEvaluator
  private let calibration: (any CalibrationSource)?
  private let cancellation: CancellationFlag
  let probe: LogitProbe
  let effects = LogitEffects()
  private let referenceHits: Int

  /// - Parameter evaluator: on the probe's images.
  public init(
    evaluator: ClassifierEvaluator, calibration: (any CalibrationSource)?,
    cancellation: CancellationFlag
  ) throws {
    self.evaluator = evaluator
    self.calibration = calibration
    self.cancellation = cancellation
    let empty = try evaluator.planned(
      Plan(), calibration: calibration, cancellation: cancellation)
    let reference = try evaluator.logits(empty, cancellation: cancellation).reference
    probe = LogitProbe(
      reference: reference, labels: evaluator.labels,
      classes: reference.count / evaluator.labels.count)
    referenceHits = probe.scores(reference).hits
  }

  public var imageCount: Int { probe.imageCount }

  /// The mean KL, in nats, that `site` alone treated costs on the probe; run where it is not known.
  ///
  /// - Parameter cancellation: of this run; the predictor's own by default.
  @discardableResult
  public func measureEffect(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag? = nil
  ) throws -> Double {
    if let known = effects.measured(site, treatment) { return known.divergence }
    let flag = cancellation ?? self.cancellation
    let planned = try evaluator.planned(
      Plan(only: site.name, treatment: treatment), calibration: calibration, cancellation: flag)
    let logits = try evaluator.logits(planned, cancellation: flag).planned
    let effect = LogitEffect(
      differences: zip(logits, probe.reference).map { $0 - $1 },
      divergence: probe.scores(logits).divergence)
    effects.set(effect, site, treatment)
    return effect.divergence
  }

  /// Sites of `plan` whose effects are not known, with what changes there.
  func missingEffects(of plan: Plan) -> [(Site, Treatment)] {
    evaluator.sites.compactMap { site in
      guard let treatment = plan.ownChange(of: site.site),
        effects.measured(site.site, treatment) == nil
      else { return nil }
      return (site.site, treatment)
    }
  }

  /// The prediction for `plan`, whose effects that are not known yet are measured.
  public func predict(_ plan: Plan) throws -> Prediction {
    for (site, treatment) in missingEffects(of: plan) {
      try measureEffect(of: site, under: treatment)
    }
    let known = evaluator.sites.compactMap { site in
      plan.ownChange(of: site.site).flatMap { effects.measured(site.site, $0) }
    }
    var change = [Float](repeating: 0, count: probe.reference.count)
    for effect in known {
      for index in change.indices { change[index] += effect.differences[index] }
    }
    let scores = probe.scores(zip(probe.reference, change).map { $0 + $1 })
    return Prediction(
      superposed: scores.divergence, sum: known.reduce(0) { $0 + $1.divergence }, hits: scores.hits,
      referenceHits: referenceHits,
      agreements: scores.agreements, images: imageCount)
  }
}
