import Glibc
import Synchronization
import ViseCompression

/// What treating one site alone did on the probe.
struct SiteEffect: Sendable {
  let shift: FeatureShift
  /// Changes of the logits of the tokens a `SampledHead` drew.
  let drawnShifts: [Float]
  /// Mean KL(reference‖only this site treated) on the probe, in nats.
  let kl: MeanInterval

  /// Not below 0.
  var klMean: Double { max(0, kl.mean) }
}

/// Effects of single sites known so far; shared by the engine, which adds, and the predictors.
public final class SiteEffects: Sendable {
  /// An effect, or the best stand-in for one.
  enum Known {
    /// Measured for this site and treatment.
    case measured(SiteEffect)
    /// Measured for this site under another treatment; amplitudes are `factor` times as large.
    case interpolated(SiteEffect, factor: Float)
    /// From other sites: a KL in nats.
    case prior(klMean: Double)
  }

  /// A mean of log KL less log noise.
  fileprivate struct LogMean {
    var sum = 0.0
    var count = 0

    var mean: Double? { count > 0 ? sum / Double(count) : nil }
  }

  fileprivate struct Key: Hashable {
    let site: Int
    let treatment: Treatment
  }

  fileprivate struct State {
    var effects: [Int: [Treatment: SiteEffect]] = [:]
    /// Treatments that do not stay, by when they were last of use.
    var uses: [Key: Int] = [:]
    var useCount = 0
    /// What each of those added to the means below.
    var levels: [Key: (role: SiteRole, level: Double)] = [:]
    var roles: [SiteRole: LogMean] = [:]
    var all = LogMean()
    var revision = 0
    /// Inserted since somebody last asked for news, oldest first.
    var news: [Key] = []
  }

  /// News kept where nobody asks.
  private static let newsCapacity = 10_000

  private let state = Mutex(State())
  /// Formats whose effects stay, whatever else is known.
  private let standing: Set<NumberFormat>
  /// Effects of other treatments that are kept.
  private let capacity: Int

  /// - Parameters:
  ///   - standing: formats that are measured for every site in the end; of others there are many.
  ///   - capacity: how many effects of other treatments are kept, those of use last; at least twice
  ///     the sites, so that a plan's own are never among those that go.
  init(standing: Set<NumberFormat>, capacity: Int) {
    self.standing = standing
    self.capacity = capacity
  }

  private func stays(_ treatment: Treatment) -> Bool {
    guard let format = treatment.format, standing.contains(format) else { return false }
    return treatment == Treatment(format: format)
  }

  /// KL is quadratic in the change of features: it goes with the power of the noise.
  private static func logNoise(_ treatment: Treatment, _ site: Site) -> Double {
    log(treatment.expectedNoise(for: site.shape))
  }

  /// How log KL grows with log noise between the two nearest of `known`; 1, as the noise law has it,
  /// where there are not two that differ enough to tell.
  private static func slope(_ known: [(effect: SiteEffect, noise: Double)]) -> Double {
    guard let first = known.first,
      let second = known.dropFirst().first(where: { abs($0.noise - first.noise) > 0.5 }),
      first.effect.klMean > 0, second.effect.klMean > 0
    else { return 1 }
    let rise = log(second.effect.klMean / first.effect.klMean)
    return min(max(rise / (second.noise - first.noise), slopes.lowerBound), slopes.upperBound)
  }

  /// Slopes beyond these say more about the probe's few tokens than about the site.
  private static let slopes = 0.4...2.0

  func insert(_ effect: SiteEffect, site: Site, treatment: Treatment) {
    state.withLock { state in
      state.revision += 1
      state.effects[site.index, default: [:]][treatment] = effect
      let key = Key(site: site.index, treatment: treatment)
      if state.news.count < Self.newsCapacity { state.news.append(key) }
      if !stays(treatment) {
        state.use(key)
        if state.uses.count > capacity { state.removeOldest() }
      }
      if let (role, level) = state.levels.removeValue(forKey: key) {
        state.add(-level, count: -1, role: role)
      }
      guard effect.klMean > 0 else { return }
      let level = log(effect.klMean) - Self.logNoise(treatment, site)
      state.add(level, count: 1, role: site.role)
      if !stays(treatment) { state.levels[key] = (site.role, level) }
    }
  }

  /// Counts insertions: what was looked up at an equal revision is still what is known.
  var revision: Int { state.withLock { $0.revision } }

  func measured(site: Int, treatment: Treatment) -> SiteEffect? {
    state.withLock { $0.effects[site]?[treatment] }
  }

  /// Effects inserted since the last call that are still known, oldest first.
  func takeNews() -> [(site: Int, treatment: Treatment, effect: SiteEffect)] {
    state.withLock { state in
      let news = state.news
      state.news = []
      return news.compactMap { key in
        state.effects[key.site]?[key.treatment].map { (key.site, key.treatment, $0) }
      }
    }
  }

  /// Whether the effect is known; if it is, it is of use now.
  func use(site: Int, treatment: Treatment) -> Bool {
    state.withLock { state in
      guard state.effects[site]?[treatment] != nil else { return false }
      if !stays(treatment) { state.use(Key(site: site, treatment: treatment)) }
      return true
    }
  }

  /// What is known of `site` under `treatment`; `nil` before any site has been measured.
  ///
  /// Another treatment of the same site is scaled by the noise law, or by the line in logarithms
  /// through two of them; without one, the mean over measured sites stands in, those of the same
  /// role where there are any.
  func known(_ site: Site, _ treatment: Treatment) -> Known? {
    state.withLock { state in
      let own = state.effects[site.index] ?? [:]
      if let effect = own[treatment] { return .measured(effect) }
      let noise = Self.logNoise(treatment, site)
      let others = own.map { (effect: $0.value, noise: Self.logNoise($0.key, site)) }
        .sorted { abs($0.noise - noise) < abs($1.noise - noise) }
      if let nearest = others.first {
        let slope = Self.slope(others)
        return .interpolated(
          nearest.effect, factor: Float(exp(slope * (noise - nearest.noise) / 2)))
      }
      guard let level = state.roles[site.role]?.mean ?? state.all.mean else { return nil }
      return .prior(klMean: exp(level + noise))
    }
  }
}

extension SiteEffects.State {
  fileprivate mutating func use(_ key: SiteEffects.Key) {
    useCount += 1
    uses[key] = useCount
  }

  fileprivate mutating func add(_ level: Double, count: Int, role: SiteRole) {
    roles[role, default: SiteEffects.LogMean()].sum += level
    roles[role, default: SiteEffects.LogMean()].count += count
    all.sum += level
    all.count += count
  }

  /// Forgets the effect that was of use the longest ago; files keep it.
  fileprivate mutating func removeOldest() {
    guard let oldest = uses.min(by: { $0.value < $1.value })?.key else { return }
    uses[oldest] = nil
    effects[oldest.site]?[oldest.treatment] = nil
    // It counts again if it comes back.
    if let (role, level) = levels.removeValue(forKey: oldest) { add(-level, count: -1, role: role) }
  }
}
