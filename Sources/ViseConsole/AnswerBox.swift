import Synchronization
import ViseWorkbench

/// Work done beside the loop, and what it came to.
///
/// For what may wait for a disk; everything heavier is the engine's.
final class AnswerBox: Sendable {
  private struct Contents {
    var answers: [WorkbenchAction] = []
    var underWay = 0
  }

  private let contents = Mutex(Contents())
  private let wake: @Sendable () -> Void

  /// - Parameter wake: called when there is something to drain, on the worker's thread.
  init(wake: @escaping @Sendable () -> Void) {
    self.wake = wake
  }

  /// Runs `body` on another thread and keeps its answer for `drain`.
  func work(_ body: @escaping @Sendable () -> WorkbenchAction) {
    contents.withLock { $0.underWay += 1 }
    Task.detached(priority: .utility) { [self] in
      let answer = body()
      contents.withLock { contents in
        contents.answers.append(answer)
        contents.underWay -= 1
      }
      wake()
    }
  }

  /// Takes the answers that have come, oldest first.
  func drain() -> [WorkbenchAction] {
    contents.withLock { contents in
      let taken = contents.answers
      contents.answers = []
      return taken
    }
  }

  /// Whether nothing is under way and nothing waits to be drained.
  var isIdle: Bool { contents.withLock { $0.answers.isEmpty && $0.underWay == 0 } }
}
