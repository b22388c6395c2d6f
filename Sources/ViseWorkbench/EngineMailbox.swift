import Synchronization
public import ViseEstimates

/// Where the engine leaves its events for the front end.
///
/// Any thread may post; the front end drains. An event that a newer one makes worthless is dropped
/// here, so a slow screen never lets the box grow.
public final class EngineMailbox: Sendable {
  /// Log lines kept for a front end that does not drain.
  public static let logCapacity = 500

  private struct Contents {
    var ordered: [EngineEvent] = []
    var sensitivities: [SiteSensitivity] = []
    var latest: [Kind: EngineEvent] = [:]
    var logLines: [String] = []

    var isEmpty: Bool {
      ordered.isEmpty && sensitivities.isEmpty && latest.isEmpty && logLines.isEmpty
    }
  }

  /// What makes an event replace the one before.
  private enum Kind: Hashable {
    case latency, quality, activity, inspection, measuredPlans, search, queue
    case progress(job: Int)
  }

  private let contents = Mutex(Contents())
  private let wake: @Sendable () -> Void

  /// - Parameter wake: called after a post into an empty box, on the poster's thread.
  public init(wake: @escaping @Sendable () -> Void) {
    self.wake = wake
  }

  /// Leaves `event` for the front end.
  public func post(_ event: EngineEvent) {
    let wasEmpty = contents.withLock { contents in
      let wasEmpty = contents.isEmpty
      Self.add(event, to: &contents)
      return wasEmpty
    }
    if wasEmpty { wake() }
  }

  /// Takes everything out, oldest kinds first: what happened, then figures, then the log.
  public func drain() -> [EngineEvent] {
    let taken = contents.withLock { contents in
      let taken = contents
      contents = Contents()
      return taken
    }
    var events = taken.ordered.filter { !Self.isEnding($0) }
    if !taken.sensitivities.isEmpty { events.append(.sensitivities(taken.sensitivities)) }
    events += taken.latest.sorted { Self.order($0.key) < Self.order($1.key) }.map(\.value)
    events += taken.ordered.filter(Self.isEnding)
    return events + taken.logLines.map(EngineEvent.log)
  }

  /// Whether there is nothing to drain.
  public var isEmpty: Bool { contents.withLock { $0.isEmpty } }

  private static func add(_ event: EngineEvent, to contents: inout Contents) {
    switch event {
    case .opened, .openFailed, .spectrum, .spectrumFailed: contents.ordered.append(event)
    case .latency(_, let revision): replace(.latency, by: event, revision, in: &contents)
    case .quality(_, let revision): replace(.quality, by: event, revision, in: &contents)
    case .sensitivities(let found): contents.sensitivities += found
    case .progress(let progress): contents.latest[.progress(job: progress.job)] = event
    case .jobEnded(let job, _):
      contents.latest[.progress(job: job)] = nil
      contents.ordered.append(event)
    case .searched: contents.latest[.search] = event
    case .measuredPlans: contents.latest[.measuredPlans] = event
    case .activity: contents.latest[.activity] = event
    case .queue: contents.latest[.queue] = event
    case .inspected, .inspectionFailed: contents.latest[.inspection] = event
    case .log(let line):
      contents.logLines.append(line)
      if contents.logLines.count > logCapacity { contents.logLines.removeFirst() }
    }
  }

  /// Keeps the event of the newer revision.
  private static func replace(
    _ kind: Kind, by event: EngineEvent, _ revision: PlanRevision, in contents: inout Contents
  ) {
    switch contents.latest[kind] {
    case .latency(_, let held)? where held > revision: return
    case .quality(_, let held)? where held > revision: return
    default: contents.latest[kind] = event
    }
  }

  private static func isEnding(_ event: EngineEvent) -> Bool {
    if case .jobEnded = event { true } else { false }
  }

  private static func order(_ kind: Kind) -> Int {
    switch kind {
    case .latency: 0
    case .quality: 1
    case .activity: 2
    case .inspection: 3
    case .measuredPlans: 4
    case .search: 5
    case .queue: 6
    case .progress(let job): 7 + job
    }
  }
}
