import Glibc
import ViseTensor

/// Turns Ctrl-C into cancellation, so that nothing is left half written.
enum Interrupt {
  static let flag = CancellationFlag()

  /// How long work that leaves nothing behind has to notice, in microseconds.
  private static let grace = 50_000

  /// Installs the handler; a second Ctrl-C ends the process at once.
  ///
  /// - Parameter endsSoon: whether work that does not notice in time is cut off, which only those
  ///   may ask for who write nothing, or write it beside its place and rename it.
  static func install(endsSoon: Bool) {
    guard endsSoon else {
      signal(SIGINT) { _ in Interrupt.cancel() }
      return
    }
    signal(SIGALRM) { _ in Interrupt.end() }
    signal(SIGINT) { _ in
      Interrupt.cancel()
      Interrupt.startTimer()
    }
  }

  private static func startTimer() {
    var timer = itimerval()
    timer.it_value.tv_usec = grace
    setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
  }

  private static func cancel() {
    if flag.isCancelled { _exit(130) }
    flag.cancel()
  }

  /// Calls only what a signal's handler may.
  private static func end() {
    let words: StaticString = "vise: interrupted\n"
    _ = write(STDERR_FILENO, words.utf8Start, words.utf8CodeUnitCount)
    _exit(130)
  }
}
