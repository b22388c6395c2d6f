import Synchronization
import ViseModels
import ViseTensor

/// A run of windows through the model, each input's sums taking them in order.
///
/// Threads work on consecutive windows, one a little behind the other: by the time a thread has
/// an input of its window, the one before has mostly been added.
struct CalibrationRound: Sendable {
  let session: ModelSession
  let text: EvaluationText
  let workers: WorkerSet
  let group: GroupSums
  let windows: Range<Int>

  /// Calls `progress` with the number of windows of this round that are done.
  func run(_ cancellation: CancellationFlag, progress: @Sendable (Int) -> Void) throws {
    let turnstile = Turnstile(places: group.sums.count, first: windows.lowerBound)
    let state = Mutex<(done: Int, failure: (any Error)?)>((0, nil))
    let (sums, places, lastNode) = (group.sums, group.places, group.lastNode)
    do {
      try session.pool.forEach(windows.count) { item, worker in
        do {
          try workers.with(worker) { worker in
            try add(
              windows.lowerBound + item, sums, places, through: lastNode, to: turnstile, worker,
              cancellation)
          }
        } catch {
          // The first failure is the cause; the others are threads whose turn will not come.
          state.withLock { if $0.failure == nil { $0.failure = error } }
          turnstile.breakDown()
          throw error
        }
        progress(
          state.withLock { state in
            state.done += 1
            return state.done
          })
      }
    } catch {
      throw state.withLock { $0.failure } ?? error
    }
  }

  private func add(
    _ window: Int, _ sums: [InputSums], _ places: [String: Int], through lastNode: Int?,
    to turnstile: Turnstile, _ worker: Worker, _ cancellation: CancellationFlag
  ) throws {
    let batch = TokenBatch(tokens: text.window(window), sequenceLength: text.windowLength)
    try worker.executor.observeLinearInputs(
      of: batch, weights: session.weights, through: lastNode, cancellation: cancellation
    ) { weight, input in
      guard let place = places[weight] else { return }
      try turnstile.pass(place, turn: window) { try sums[place].add(input) }
    }
  }
}
