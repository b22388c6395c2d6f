import Glibc
import ViseTensor

/// Turns Ctrl-C into cancellation, so that nothing is left half written.
enum Interrupt {
  static let flag = CancellationFlag()

  /// Installs the handler; a second Ctrl-C ends the process at once.
  static func install() {
    signal(SIGINT) { _ in
      if Interrupt.flag.isCancelled { _exit(130) }
      Interrupt.flag.cancel()
    }
  }
}
