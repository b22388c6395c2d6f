import Glibc
import ViseSearch

/// Where a search is, on standard error where that is a terminal; silent in a pipe.
final class SearchProgressLine {
  private let limits: SearchLimits
  private let windows: Int
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var shown: ContinuousClock.Instant?

  init(limits: SearchLimits, windows: Int) {
    self.limits = limits
    self.windows = windows
  }

  func show(_ phase: PlanSearch.Phase) {
    guard isTerminal, shown.map({ .now - $0 > .milliseconds(100) }) ?? true else { return }
    shown = .now
    StandardError.write("\r\(Self.text(phase, limits, windows))\u{1b}[K")
  }

  func clear() {
    if isTerminal { StandardError.write("\r\u{1b}[K") }
  }

  private static func text(
    _ phase: PlanSearch.Phase, _ limits: SearchLimits, _ windows: Int
  ) -> String {
    switch phase {
    case .surveying(let waiting): return "measuring what layers lose, \(waiting) to go"
    case .measuring(let progress), .finished(let progress):
      var line = "plan \(progress.trials)"
      if let trials = limits.trials { line += ", \(progress.windows / windows) of \(trials) spent" }
      if let seconds = limits.seconds {
        line += ", \(Int(max(0, seconds - progress.seconds))) s left"
      }
      if let best = progress.bestLoss { line += ", best KL \(best) nats" }
      return line
    }
  }
}
