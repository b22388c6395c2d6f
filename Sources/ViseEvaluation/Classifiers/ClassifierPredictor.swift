public import ViseCompression
import ViseGraphs
public import ViseTensor

/// Predicts what plans do to a classifier from what each site's treatment does alone.
///
/// Logits of a plan ≈ the reference's + Σ (logits with one site treated − the reference's), image by
/// image on a probe: superposition holds what noise at many layers adds up to, and softmax and the
/// largest class are taken of the sum, not added.
public final class ClassifierPredictor {
  /// What one site's treatment alone does.
  private struct Effect {
    let differences: [Float]
    /// KL(reference‖treated), in nats, mean over the probe.
    let divergence: Double
  }

  private struct Key: Hashable {
    let site: String
    let treatment: Treatment
  }

  /// What a plan is predicted to do on the probe.
  public struct Prediction: Hashable, Sendable {
    /// KL of superposed logits, in nats, and the sum of the sites' own.
    public let superposed: Double
    public let sum: Double
    /// The probe's images whose class the plan names, of `images`; `referenceHits` for no plan.
    public let hits: Int
    public let referenceHits: Int
    public let images: Int

    /// √(superposed · sum): superposition overshoots where changes are large, sums undershoot.
    public var divergence: Double { (superposed * sum).squareRoot() }

    /// The reference's share of right images less the plan's.
    public var top1Drop: Double { Double(referenceHits - hits) / Double(images) }
  }

  private let evaluator: ClassifierEvaluator
  private let calibration: (any CalibrationSource)?
  private let cancellation: CancellationFlag
  private let reference: [Float]
  private let classes: Int
  private var effects: [Key: Effect] = [:]

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
    reference = try evaluator.logits(empty, cancellation: cancellation).reference
    classes = reference.count / evaluator.labels.count
  }

  public var imageCount: Int { evaluator.labels.count }

  /// The mean KL, in nats, that `site` alone treated costs on the probe; run where it is not known.
  @discardableResult
  public func measureEffect(of site: Site, under treatment: Treatment) throws -> Double {
    let key = Key(site: site.name, treatment: treatment)
    if let known = effects[key] { return known.divergence }
    let planned = try evaluator.planned(
      Plan(only: site.name, treatment: treatment), calibration: calibration,
      cancellation: cancellation)
    let logits = try evaluator.logits(planned, cancellation: cancellation).planned
    let effect = Effect(
      differences: zip(logits, reference).map { $0 - $1 }, divergence: scores(logits).divergence)
    effects[key] = effect
    return effect.divergence
  }

  /// The prediction for `plan`, whose effects that are not known yet are measured.
  public func predict(_ plan: Plan) throws -> Prediction {
    var logits = reference
    var sum = 0.0
    for site in evaluator.sites {
      guard let treatment = plan.ownChange(of: site.site) else { continue }
      sum += try measureEffect(of: site.site, under: treatment)
      guard let effect = effects[Key(site: site.site.name, treatment: treatment)] else { continue }
      for index in logits.indices { logits[index] += effect.differences[index] }
    }
    let (divergence, hits) = scores(logits)
    return Prediction(
      superposed: divergence, sum: sum, hits: hits, referenceHits: scores(reference).hits,
      images: imageCount)
  }

  private func scores(_ logits: [Float]) -> (divergence: Double, hits: Int) {
    var (sum, hits) = (0.0, 0)
    for (image, label) in evaluator.labels.enumerated() {
      let row = image * classes..<(image + 1) * classes
      let comparison = LogitComparison(reference: reference[row], planned: logits[row])
      sum += comparison.divergence
      if comparison.plannedClass == label { hits += 1 }
    }
    return (sum / Double(imageCount), hits)
  }
}
