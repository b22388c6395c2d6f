/// Tells whether others wanted the processors while something was timed.
///
/// Counts the processor time the process had of what its threads could have had. Threads that wait for
/// long sleep, so a calm run does not have all of it either.
public struct ProcessorWatch: Sendable {
  private let threads: Int
  private var wall = Duration.zero
  private var processor = Duration.zero

  private static let calmShare = 0.75

  /// - Parameter threads: threads that work all the time, or wait for each other awake.
  public init(threads: Int) {
    self.threads = threads
  }

  /// Whether nothing else wanted the processors while `time` ran.
  public var isCalm: Bool {
    wall == .zero || processor / (wall * threads) >= Self.calmShare
  }

  /// Seconds `body` takes.
  public mutating func time(_ body: () throws -> Void) rethrows -> Double {
    let (clock, spent) = (ContinuousClock.now, ProcessorTime.ofProcess)
    try body()
    let elapsed = ContinuousClock.now - clock
    wall += elapsed
    processor += ProcessorTime.ofProcess - spent
    return elapsed / .seconds(1)
  }
}
