import Glibc
import Synchronization
import ViseCompression

/// The logits of a classifier's reference on a probe, which those of plans are compared with.
struct LogitProbe: Sendable {
  /// Images × classes.
  let reference: [Float]
  let labels: [Int]
  let classes: Int

  var imageCount: Int { labels.count }

  /// What a plan's logits amount to.
  struct Scores {
    /// KL(reference‖plan) in nats, mean over the images.
    var divergence = 0.0
    /// The standard error of the logarithm of `divergence` as the images sample it.
    var deviation = 0.0
    /// Images whose class the plan names.
    var hits = 0
    /// Images for which plan and reference name the same class.
    var agreements = 0
  }

  func scores(_ logits: [Float]) -> Scores {
    var result = Scores()
    var squares = 0.0
    for (image, label) in labels.enumerated() {
      let row = image * classes..<(image + 1) * classes
      let comparison = LogitComparison(reference: reference[row], planned: logits[row])
      result.divergence += comparison.divergence
      squares += comparison.divergence * comparison.divergence
      if comparison.plannedClass == label { result.hits += 1 }
      if comparison.plannedClass == comparison.referenceClass { result.agreements += 1 }
    }
    let count = Double(max(labels.count, 1))
    result.divergence /= count
    let mean = result.divergence
    if mean > 0 {
      let variance = max(squares / count - mean * mean, 0) / count
      result.deviation = variance.squareRoot() / mean
    }
    return result
  }
}

/// What one site's treatment alone does to the logits of a probe.
struct LogitEffect: Sendable {
  /// Treated less reference, images × classes.
  let differences: [Float]
  /// KL(reference‖treated) in nats, mean over the probe.
  let divergence: Double
}

/// The effects known so far; written by the engine's thread, read by the one that draws.
final class LogitEffects: Sendable {
  struct Key: Hashable, Sendable {
    let site: String
    let treatment: Treatment
  }

  private struct State {
    var effects: [Key: LogitEffect] = [:]
    /// Those that nobody was told of yet.
    var new: [(site: Site, treatment: Treatment, divergence: Double)] = []
  }

  private let state = Mutex(State())

  func measured(_ site: Site, _ treatment: Treatment) -> LogitEffect? {
    state.withLock { $0.effects[Key(site: site.name, treatment: treatment)] }
  }

  func set(_ effect: LogitEffect, _ site: Site, _ treatment: Treatment) {
    state.withLock {
      $0.effects[Key(site: site.name, treatment: treatment)] = effect
      $0.new.append((site, treatment, effect.divergence))
    }
  }

  /// Effects that became known since the last time, with their mean KL in nats.
  func takeNew() -> [(site: Site, treatment: Treatment, divergence: Double)] {
    state.withLock { state in
      defer { state.new = [] }
      return state.new
    }
  }

  /// The effect of another format of `site`, and by what factor rounding to `treatment`'s bits differs
  /// from it: steps, and so errors, halve with each bit.
  func scaled(_ site: Site, _ treatment: Treatment) -> (effect: LogitEffect, factor: Float)? {
    guard treatment.isFormatOnly, let format = treatment.format else { return nil }
    let wanted = DefaultFormat.nominalBits(of: format)
    let known = DefaultFormat.bitWidths.compactMap { bits -> (effect: LogitEffect, bits: Int)? in
      guard let asked = DefaultFormat.asked(bits: bits, for: site),
        let effect = measured(site, Treatment(format: asked))
      else { return nil }
      return (effect, bits)
    }
    let nearest = known.min { abs($0.bits - wanted) < abs($1.bits - wanted) }
    return nearest.map { ($0.effect, Float(exp2(Double($0.bits - wanted)))) }
  }
}
