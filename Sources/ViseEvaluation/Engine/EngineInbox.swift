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
    /// Counts changes, so that a waiter knows of those it has not seen.
    var version = 0
  }

  struct ExportWish: Sendable {
    let plan: Plan
    let path: String
    let overwrite: Bool
    let job: Int
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var wishes = Wishes()
  /// What runs now; cancelled when a newer wish makes it useless.
  private var running: CancellationFlag?
  private var runningExport: Int?

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
        cancelEvaluation()
      case .attend(let attention):
        wishes.attention = attention
      case .export(let plan, let path, let overwrite, let job):
        wishes.exports.append(
          ExportWish(plan: plan, path: path, overwrite: overwrite, job: job))
        cancelEvaluation()
      case .cancel(let job):
        if runningExport == job { running?.cancel() }
      case .setPaused(let isPaused):
        wishes.isPaused = isPaused
        if isPaused { cancelEvaluation() }
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
  func begin(export job: Int? = nil) -> (Wishes, CancellationFlag) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let flag = CancellationFlag()
    if wishes.isClosed { flag.cancel() }
    running = flag
    runningExport = job
    return (wishes, flag)
  }

  func takeExport() -> ExportWish? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return wishes.exports.isEmpty ? nil : wishes.exports.removeFirst()
  }

  /// Waits until something changed since `version`.
  func wait(after version: Int) {
    pthread_mutex_lock(mutex)
    while wishes.version == version, !wishes.isClosed { pthread_cond_wait(changed, mutex) }
    pthread_mutex_unlock(mutex)
  }

  /// An export goes on whatever is asked next; evaluation is superseded.
  private func cancelEvaluation() {
    if runningExport == nil { running?.cancel() }
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
