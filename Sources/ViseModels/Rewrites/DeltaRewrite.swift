public import ViseCompression
import ViseTensor

/// Brings a fine-tuned model nearer to the one it came from: most differences of its layers go.
///
/// Like `ValueFactoring`, and unlike other rewrites, it changes what the model computes. Layers whose
/// weights are equal stay as they are stored.
public struct DeltaRewrite: Sendable {
  public let pruning: DeltaPruning
  private let base: Model
  private let calibration: (any CalibrationSource)?

  public init(
    _ pruning: DeltaPruning, base: Model, calibration: (any CalibrationSource)? = nil
  ) {
    self.pruning = pruning
    self.base = base
    self.calibration = calibration
  }

  /// Adds every layer of `model`, which `rewrite` must leave as it is; returns how many differ.
  public func append(to rewrite: inout ModelRewrite, of model: Model) throws -> Int {
    var count = 0
    for site in model.sites {
      guard let own = base.site(named: site.name), own.rows == site.rows,
        own.columns == site.columns
      else { throw RewriteError.otherBase(weight: site.name) }
      let (weight, origin) = (
        try model.decodeWeight(site.name), try base.decodeWeight(site.name)
      )
      guard weight.values != origin.values else { continue }
      rewrite.append(
        .dropDeltas(
          Step(
            pruning: DeltaPruning(
              ratio: pruning.ratio, seed: pruning.seed &+ UInt64(site.index)),
            base: base, site: site, calibration: calibration)), to: site.name)
      count += 1
    }
    guard count > 0 else { throw RewriteError.equalToBase }
    return count
  }

  /// What is done to one weight, its base read when that is.
  public struct Step: Sendable {
    let pruning: DeltaPruning
    let base: Model
    let site: Site
    let calibration: (any CalibrationSource)?

    func apply(to weight: Matrix) throws -> Matrix {
      pruning.prune(
        weight, base: try base.decodeWeight(site.name),
        secondMoment: try calibration?.statistics(of: site)?.secondMoment
      ).values
    }
  }
}
