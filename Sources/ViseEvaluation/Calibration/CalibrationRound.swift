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
  /// Where windows may start, left by the pass before, and what to leave for the next.
  let starts: CutValues?
  let next: CutValues?

  /// Calls `progress` with the number of windows of this round that are done.
  func run(_ cancellation: CancellationFlag, progress: @Sendable (Int) -> Void) throws {
    let turnstile = Turnstile(places: group.sums.count, first: windows.lowerBound)
    let state = Mutex<(done: Int, failure: (any Error)?)>((0, nil))
    let (sums, places) = (group.sums, group.places)
    let lastNode = max(group.lastNode ?? .max, next?.node ?? 0)
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
    _ window: Int, _ sums: [InputSums], _ places: [String: Int], through lastNode: Int,
    to turnstile: Turnstile, _ worker: Worker, _ cancellation: CancellationFlag
  ) throws {
    let batch = TokenBatch(tokens: text.window(window), sequenceLength: text.windowLength)
    try worker.executor.observeLinearInputs(
      of: batch, weights: session.weights, from: starts?.checkpoint(window), through: lastNode,
      cancellation: cancellation,
      keep: { next?.keep($0, window: window) },
      observe: { weight, input in
        guard let place = places[weight] else { return }
        try turnstile.pass(place, turn: window) { try sums[place].add(input) }
      })
  }
}

/// The activations of windows at one cut, for the next pass to start from.
final class CutValues: Sendable {
  let cut: Int
  /// The first node after the cut.
  let node: Int
  /// Windows from this on are not kept and start at their tokens.
  private let windowLimit: Int
  private let values = Mutex<[Int: Matrix]>([:])

  init(cut: Int, node: Int, windowLimit: Int) {
    self.cut = cut
    self.node = node
    self.windowLimit = windowLimit
  }

  func checkpoint(_ window: Int) -> ActivationCheckpoint? {
    values.withLock { $0[window] }.map { ActivationCheckpoint(cut: cut, value: $0) }
  }

  /// Copies the value if it is at this cut and there is room.
  func keep(_ checkpoint: ActivationCheckpoint, window: Int) {
    guard checkpoint.cut == cut, window < windowLimit else { return }
    let copy = checkpoint.value.copy()
    values.withLock { $0[window] = copy }
  }
}
