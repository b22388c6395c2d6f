import Glibc
import Synchronization
import ViseEvaluation

/// Progress with the time left on standard error: one line that changes in a terminal, elsewhere a line
/// a minute, for whoever looks into the log of a long run.
final class ProgressLine: Sendable {
  private let activity: String
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let coalescer: Mutex<ProgressCoalescer>

  init(_ activity: String) {
    self.activity = activity
    coalescer = Mutex(
      isTerminal
        ? ProgressCoalescer() : ProgressCoalescer(interval: .seconds(60), reportsEnds: false))
  }

  func report(_ done: Int, of total: Int) {
    guard let remaining = coalescer.withLock({ $0.report(done: done, total: total) }) else {
      return
    }
    var line = "\(activity) \(done) of \(total)"
    if let seconds = remaining.seconds, done < total {
      line += ", \(Int(seconds.rounded(.up))) s left"
    }
    guard isTerminal else {
      StandardError.write(line + "\n")
      return
    }
    StandardError.write("\r" + line + "\u{1b}[K" + (done == total ? "\r\u{1b}[K" : ""))
  }
}

/// Text on standard error.
enum StandardError {
  static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard written > 0 else { return }
      rest = rest.dropFirst(written)
    }
  }
}
