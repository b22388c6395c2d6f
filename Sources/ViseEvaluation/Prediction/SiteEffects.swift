import Glibc
import Synchronization
import ViseCompression

/// What treating one site alone did on the probe.
struct SiteEffect: Sendable {
  let shift: FeatureShift
  /// Changes of the logits of the tokens a `SampledHead` drew.
  let drawnShifts: [Float]
  /// Mean KL(reference‖only this site treated) on the probe, in nats; not below 0.
  let klMean: Double
}

/// Effects of single sites known so far; shared by the engine, which adds, and the predictors.
public final class SiteEffects: Sendable {
  /// An effect, or the best stand-in for one.
  enum Known {
    /// Measured for this site and format.
    case measured(SiteEffect)
    /// Measured for this site in another format; amplitudes are `factor` times as large.
    case interpolated(SiteEffect, factor: Float)
    /// From other sites: a KL in nats.
    case prior(klMean: Double)
  }

  /// A mean of log KL, moved to zero bits.
  private struct LogMean {
    var sum = 0.0
    var count = 0

    var mean: Double? { count > 0 ? sum / Double(count) : nil }
  }

  private struct State {
    var effects: [Int: [NumberFormat: SiteEffect]] = [:]
    var roles: [SiteRole: LogMean] = [:]
    var all = LogMean()
    var revision = 0
  }

  private let state = Mutex(State())

  /// Uniform quantization noise has a power proportional to 4^−bits: amplitudes go with 2^−bits
  /// and KL, quadratic in them, with 4^−bits.
  private static let logPowerPerBit = 2 * log(2.0)

  func insert(_ effect: SiteEffect, site: Site, format: NumberFormat) {
    state.withLock { state in
      state.revision += 1
      state.effects[site.index, default: [:]][format] = effect
      guard effect.klMean > 0 else { return }
      let level = log(effect.klMean) + Self.logPowerPerBit * format.bitsPerWeight
      state.roles[site.role, default: LogMean()].sum += level
      state.roles[site.role, default: LogMean()].count += 1
      state.all.sum += level
      state.all.count += 1
    }
  }

  /// Counts insertions: what was looked up at an equal revision is still what is known.
  var revision: Int { state.withLock { $0.revision } }

  func measured(site: Int, format: NumberFormat) -> SiteEffect? {
    state.withLock { $0.effects[site]?[format] }
  }

  /// What is known of `site` in `format`; `nil` before any site has been measured.
  ///
  /// Another format of the same site is scaled by the noise law; without one, the mean over
  /// measured sites stands in, those of the same role where there are any.
  func known(_ site: Site, _ format: NumberFormat) -> Known? {
    state.withLock { state in
      let own = state.effects[site.index] ?? [:]
      if let effect = own[format] { return .measured(effect) }
      let bits = format.bitsPerWeight
      let nearest = own.min { abs($0.key.bitsPerWeight - bits) < abs($1.key.bitsPerWeight - bits) }
      if let nearest {
        return .interpolated(
          nearest.value, factor: Float(exp2(nearest.key.bitsPerWeight - bits)))
      }
      guard let level = state.roles[site.role]?.mean ?? state.all.mean else { return nil }
      return .prior(klMean: exp(level - Self.logPowerPerBit * bits))
    }
  }
}
