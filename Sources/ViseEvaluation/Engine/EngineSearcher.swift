import ViseEstimates
import ViseTensor

/// Runs the search that was asked for last, step by step, and reports how far it is.
final class EngineSearcher {
  private let start: ((SearchWish) throws -> any BackgroundSearch)?
  private let inbox: EngineInbox
  private let describe: @Sendable (any Error) -> String
  private let emit: @Sendable (EngineEvent) -> Void
  private var current: (job: Int, search: any BackgroundSearch)?
  private var reported: ContinuousClock.Instant?

  /// Snapshots are sent no more often.
  private static let interval = Duration.milliseconds(100)

  /// - Parameter start: `nil` where nothing can be measured.
  init(
    start: ((SearchWish) throws -> any BackgroundSearch)?,
    inbox: EngineInbox, describe: @escaping @Sendable (any Error) -> String,
    emit: @escaping @Sendable (EngineEvent) -> Void
  ) {
    self.start = start
    self.inbox = inbox
    self.describe = describe
    self.emit = emit
  }

  /// Takes up a search in place of the one there is.
  func begin(_ wish: SearchWish, job: Int) {
    if let current { end(current.job, .cancelled) }
    guard let start else {
      emit(.jobEnded(job: job, .failed("nothing can be measured of this model")))
      return
    }
    do {
      current = (job, try start(wish))
      report(isDue: true)
    } catch {
      emit(.jobEnded(job: job, .failed(describe(error))))
    }
  }

  /// Whether there is something to do now; a search that was given up is ended here.
  func isActive(_ wishes: EngineInbox.Wishes) -> Bool {
    guard let current else { return false }
    if wishes.endedSearches.contains(current.job) {
      report(isDue: true)
      end(current.job, .cancelled)
      return false
    }
    return !wishes.isSearchPaused
  }

  /// Whether a search was begun and has not ended.
  var isUnderWay: Bool { current != nil }

  func step() {
    guard let current else { return }
    let (_, flag) = inbox.begin(.search(job: current.job))
    emit(.activity("searching"))
    do {
      let goesOn = try current.search.step(cancellation: flag)
      report(isDue: !goesOn)
      if !goesOn { end(current.job, .finished("search finished")) }
    } catch is CancelledError {
    } catch {
      end(current.job, .failed(describe(error)))
    }
  }

  private func end(_ job: Int, _ outcome: JobOutcome) {
    current = nil
    emit(.activity(nil))
    emit(.jobEnded(job: job, outcome))
  }

  private func report(isDue: Bool) {
    guard let current else { return }
    let now = ContinuousClock.now
    guard isDue || reported.map({ now - $0 >= Self.interval }) ?? true else { return }
    reported = now
    emit(.searched(job: current.job, current.search.snapshot))
  }
}
