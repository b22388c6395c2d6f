public import ViseCompression
import ViseEstimates
public import ViseTensor

/// Tells what treating one site alone loses, by running it on a probe.
public protocol LossProbing {
  /// Mean KL(reference‖treated) on the probe with only `site` treated, in nats.
  func loss(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> Double
}

extension PlanPredictor: LossProbing {
  public func loss(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> Double {
    try measureEffect(of: site, under: treatment, cancellation: cancellation).klMean.value
  }
}

extension ClassifierPredictor: LossProbing {
  public func loss(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> Double {
    try measureEffect(of: site, under: treatment, cancellation: cancellation)
  }
}
