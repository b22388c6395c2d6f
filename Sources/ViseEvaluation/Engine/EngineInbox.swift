import Glibc
import ViseCompression
import ViseEstimates
import ViseTensor

/// What front ends want of the engine, newest first; its thread waits here for something to do.
final class EngineInbox {
  /// The newest wishes, as a value.
  struct Wishes: Sendable {
    var plan = Plan()
    var revision: PlanRevision = 0
    /// Sites by index, those the user looks at first.
    var attention: [Int] = []
    var isPaused = false
    var isClosed = false
    var exports: [ExportWish] = []
    var search: (wish: SearchWish, job: Int)?
    /// Job numbers of searches that nobody wants any longer.
    var endedSearches: Set<Int> = []
    var isSearchPaused = false
    var wantsMeasuredPlans = false
    var inspection: InspectionWish?
    /// Sites by index whose singular values are wanted.
    var spectra: [Int] = []
    /// Counts changes, so that a waiter knows of those it has not seen.
    var version = 0
  }

  struct ExportWish: Sendable {
    let plan: Plan
    let path: String
    let overwrite: Bool
    let job: Int
  }

  struct InspectionWish: Sendable {
    let site: Int
    let treatment: Treatment
  }

  /// What a piece of work is for, which says what supersedes it.
  enum Purpose: Equatable {
    case evaluation
    case inspection
    case export(job: Int)
    case search(job: Int)
    /// What everything else needs first.
    case preparation
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var wishes = Wishes()
  /// What runs now; cancelled when a newer wish makes it useless.
  private var running: CancellationFlag?
  private var purpose = Purpose.evaluation

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(changed)
    mutex.deallocate()
    changed.deallocate()
  }

  /// Takes a request; never waits for work.
  func post(_ request: EngineRequest) {
    locked {
      switch request {
      case .evaluate(let plan, let revision, let attention):
        wishes.plan = plan
        wishes.revision = revision
        wishes.attention = attention
        cancel(.evaluation)
        cancelSearchStep()
      case .attend(let attention):
        wishes.attention = attention
      case .export(let plan, let path, let overwrite, let job):
        wishes.exports.append(
          ExportWish(plan: plan, path: path, overwrite: overwrite, job: job))
        cancel(.evaluation)
      case .inspect(let site, let treatment):
        wishes.inspection = InspectionWish(site: site, treatment: treatment)
        cancel(.evaluation)
        cancel(.inspection)
      case .findSpectra(let sites):
        wishes.spectra += sites
        cancel(.evaluation)
      case .endInspection:
        wishes.inspection = nil
        cancel(.inspection)
      case .search(let wish, let job):
        wishes.search = (wish, job)
        wishes.isSearchPaused = false
        cancel(.evaluation)
        cancelSearchStep()
      case .setSearchPaused(let isPaused):
        wishes.isSearchPaused = isPaused
        if isPaused { cancelSearchStep() }
      case .findMeasuredPlans:
        wishes.wantsMeasuredPlans = true
        cancel(.evaluation)
        cancelSearchStep()
      case .cancel(let job):
        wishes.endedSearches.insert(job)
        cancel(.export(job: job))
        cancel(.search(job: job))
      case .setPaused(let isPaused):
        wishes.isPaused = isPaused
        if isPaused {
          cancel(.evaluation)
          cancelSearchStep()
        }
      }
    }
  }

  func close() {
    locked {
      wishes.isClosed = true
      running?.cancel()
    }
  }

  /// The wishes now, with a flag that a newer wish turns.
  func begin(_ purpose: Purpose) -> (Wishes, CancellationFlag) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let flag = CancellationFlag()
    if wishes.isClosed { flag.cancel() }
    running = flag
    self.purpose = purpose
    return (wishes, flag)
  }

  /// The wishes now, to be told of; nothing is begun.
  func peek() -> Wishes {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return wishes
  }

  func takeExport() -> ExportWish? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return wishes.exports.isEmpty ? nil : wishes.exports.removeFirst()
  }

  func takeInspection() -> InspectionWish? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    defer { wishes.inspection = nil }
    return wishes.inspection
  }

  func takeSpectrum() -> Int? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return wishes.spectra.isEmpty ? nil : wishes.spectra.removeFirst()
  }

  func takeSearch() -> (wish: SearchWish, job: Int)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    defer { wishes.search = nil }
    return wishes.search
  }

  /// Whether measured plans were asked for since the last time.
  func takeMeasuredPlansWish() -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    defer { wishes.wantsMeasuredPlans = false }
    return wishes.wantsMeasuredPlans
  }

  /// Waits until something changed since `version`.
  func wait(after version: Int) {
    pthread_mutex_lock(mutex)
    while wishes.version == version, !wishes.isClosed { pthread_cond_wait(changed, mutex) }
    pthread_mutex_unlock(mutex)
  }

  /// Ends what runs now if it runs for `purpose`.
  private func cancel(_ purpose: Purpose) {
    if self.purpose == purpose { running?.cancel() }
  }

  /// A step of a search loses nothing but its own time: it is done again later.
  private func cancelSearchStep() {
    if case .search = purpose { running?.cancel() }
  }

  private func locked(_ body: () -> Void) {
    pthread_mutex_lock(mutex)
    body()
    wishes.version += 1
    pthread_cond_signal(changed)
    pthread_mutex_unlock(mutex)
  }
}

// SAFETY: Stored state is only touched while `mutex` is held.
extension EngineInbox: @unchecked Sendable {}
