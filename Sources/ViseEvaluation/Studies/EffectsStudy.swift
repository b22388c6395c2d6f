import Glibc
import ViseCompression
import ViseEstimates
public import ViseTensor

/// Drives the engine as the workbench does and times when what is known.
public struct EffectsStudy {
  /// Seconds from the engine's start, and what it took to get there.
  public struct Session: Sendable {
    public var openedSeconds = 0.0
    /// Until the selected site's first effect.
    public var firstEffectSeconds = 0.0
    /// Until every site has the options asked for.
    public var allEffectsSeconds = 0.0
    /// Effects that became known until then.
    public var effects = 0
    /// Effects that had to be run rather than read.
    public var computed = 0
    /// What this process took of the processors until then.
    public var processorSeconds = 0.0
    public var sites = 0
    /// When the engine began what it does before the first effect.
    public var preparation: [(activity: String, seconds: Double)] = []
    /// Seconds from each edit to its figure from the real head.
    public var editSeconds: [Double] = []
    /// Seconds from a wish that ends what runs to the start of what is wished.
    public var cancelSeconds: [Double] = []
  }

  /// Why a session did not get where it should.
  public enum Failure: Error, Sendable {
    case engine(String)
  }

  private let path: String
  private let options: Engine.Options
  private let effects: EffectFiles
  private let optionCount: Int
  private let editCount: Int
  private let cancellation: CancellationFlag

  /// - Parameters:
  ///   - options: those of the engine; effects are kept in `effects`.
  ///   - optionCount: treatments each site shall be known under.
  public init(
    path: String, options: Engine.Options, effects: EffectFiles, optionCount: Int, editCount: Int,
    cancellation: CancellationFlag
  ) {
    self.path = path
    var options = options
    options.effects = effects
    self.options = options
    self.effects = effects
    self.optionCount = optionCount
    self.editCount = editCount
    self.cancellation = cancellation
  }

  /// One life of an engine; `progress` gets the sites that are done, and their number.
  public func run(progress: (Int, Int) -> Void) throws -> Session {
    let times = EventTimes()
    let computedBefore = effects.insertionCount
    let start = ContinuousClock.now
    let processorBefore = ProcessorTime.seconds
    let engine = Engine(path: path, options: options) { times.post($0) }
    defer { engine.shutDown() }
    var state = Progress(start: start, optionCount: optionCount)
    while !state.isDone {
      try cancellation.check()
      for entry in times.next() { try state.take(entry, engine) }
      progress(state.doneSites, state.missing.count)
    }
    state.session.processorSeconds = ProcessorTime.seconds - processorBefore
    state.session.computed = effects.insertionCount - computedBefore
    for index in 0..<editCount {
      state.session.editSeconds.append(try edit(index, &state, engine, times))
    }
    for index in 0..<editCount {
      if let seconds = try interrupt(index, state, engine, times) {
        state.session.cancelSeconds.append(seconds)
      }
    }
    return state.session
  }

  /// Looks at a site while the plan is measured, which ends the measuring.
  ///
  /// `nil` where the engine had nothing left to measure.
  private func interrupt(
    _ index: Int, _ state: Progress, _ engine: Engine, _ times: EventTimes
  ) throws -> Double? {
    let site = state.sites[index * state.sites.count / editCount]
    guard let treatment = state.known[site.index]?.first else { return nil }
    var isBusy = false
    while !isBusy {
      let entries = times.next()
      if entries.isEmpty { return nil }
      try cancellation.check()
      for entry in entries {
        if case .activity(let activity?) = entry.event {
          isBusy = activity.hasPrefix("measuring") || activity.hasPrefix("probing")
        }
      }
    }
    let start = ContinuousClock.now
    engine.send(.inspect(site: site.index, treatment: treatment))
    defer { engine.send(.endInspection) }
    while true {
      try cancellation.check()
      for entry in times.next() {
        if case .activity(let activity?) = entry.event, activity.hasPrefix("inspecting") {
          return (entry.time - start) / .seconds(1)
        }
      }
    }
  }

  /// Treats one more site, and waits for its figure through the head.
  private func edit(
    _ index: Int, _ state: inout Progress, _ engine: Engine, _ times: EventTimes
  ) throws -> Double {
    let site = state.sites[index * state.sites.count / editCount]
    guard let treatment = state.known[site.index]?.first else { return 0 }
    state.plan[site.name] = treatment
    let revision = index + 2
    let start = ContinuousClock.now
    engine.send(.evaluate(plan: state.plan, revision: revision, attention: [site.index]))
    while true {
      try cancellation.check()
      for entry in times.next() {
        if case .quality(_, revision) = entry.event { return (entry.time - start) / .seconds(1) }
      }
    }
  }

  /// What the events so far have told.
  private struct Progress {
    let start: ContinuousClock.Instant
    let optionCount: Int
    var session = Session()
    var sites: [Site] = []
    var plan = Plan()
    /// Options of each site that are still to come.
    var missing: [Int] = []
    var known: [Int: Set<Treatment>] = [:]
    private var selected: Int?
    private var log: [String] = []

    init(start: ContinuousClock.Instant, optionCount: Int) {
      self.start = start
      self.optionCount = optionCount
    }

    var doneSites: Int { missing.count { $0 <= 0 } }
    var isDone: Bool { !missing.isEmpty && doneSites == missing.count }

    mutating func take(_ entry: EventTimes.Entry, _ engine: Engine) throws {
      let seconds = (entry.time - start) / .seconds(1)
      switch entry.event {
      case .opened(let summary):
        session.openedSeconds = seconds
        session.sites = summary.sites.count
        sites = summary.sites
        missing = summary.sites.map { min(optionCount, Self.options(of: $0).count) }
        let middle = summary.sites.count / 2
        selected = middle
        engine.send(.evaluate(plan: Plan(), revision: 1, attention: [middle]))
      case .openFailed(let reason): throw Failure.engine(reason)
      case .log(let line): log.append(line)
      case .activity(nil) where !isDone && !log.isEmpty:
        throw Failure.engine(log.joined(separator: "; "))
      case .activity(let activity?) where session.effects == 0:
        if session.preparation.last?.activity != activity {
          session.preparation.append((activity, seconds))
        }
      case .sensitivities(let list) where !isDone:
        for effect in list { note(effect, seconds) }
      default: break
      }
    }

    private mutating func note(_ effect: SiteSensitivity, _ seconds: Double) {
      guard known[effect.siteIndex, default: []].insert(effect.treatment).inserted else { return }
      session.effects += 1
      missing[effect.siteIndex] -= 1
      if effect.siteIndex == selected, session.firstEffectSeconds == 0 {
        session.firstEffectSeconds = seconds
      }
      session.allEffectsSeconds = seconds
    }

    /// The formats the engine probes at `site`.
    private static func options(of site: Site) -> Set<NumberFormat> {
      Set(
        DefaultFormat.bitWidths.compactMap { bits in
          DefaultFormat.asked(bits: bits).flatMap { DefaultFormat.resolve($0, for: site)?.used }
        }.filter { $0 != .ggml(site.stored) })
    }
  }
}
