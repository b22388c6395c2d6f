import Glibc
import ViseEstimates
import ViseGraphs
import ViseTensor

/// Times plans of a classifier on this machine: one image at a time, in the executor's float kernels.
struct GraphTimer {
  private let image: Tensor
  private let pool: ComputePool
  private let byteLimit: Int
  /// Runs that are timed: as many as fit into the time, within these.
  private static let runs = 7...41
  private static let time = Duration.seconds(1)

  /// - Parameter image: a batch of one.
  init(image: Tensor, pool: ComputePool, byteLimit: Int) {
    self.image = image
    self.pool = pool
    self.byteLimit = byteLimit
  }

  /// The median of several runs after one that warms the caches.
  ///
  /// Codes are decoded, as another runtime's integer kernels need not.
  func latency(
    of planned: PlannedGraph, cancellation: CancellationFlag
  ) throws -> LatencyEstimate {
    let program = try GraphProgram(planned.model)
    let context = GraphContext(
      pool: pool, memory: StoragePool(byteLimit: byteLimit / 8), byteLimit: byteLimit,
      cancellation: cancellation)
    func run() throws -> Double {
      let start = ContinuousClock.now
      _ = try program.run(
        [program.inputValues[0]: image], wanted: [program.outputs[0]], context: context)
      return (ContinuousClock.now - start) / .seconds(1)
    }
    _ = try run()
    let start = ContinuousClock.now
    var seconds: [Double] = []
    while seconds.count < Self.runs.lowerBound
      || (seconds.count < Self.runs.upperBound && ContinuousClock.now - start < Self.time)
    {
      seconds.append(try run())
    }
    seconds.sort()
    let estimate = Estimate(
      value: seconds[seconds.count / 2], interval: Self.interval(ofMedian: seconds),
      provenance: .measured(tokens: seconds.count, of: seconds.count))
    return LatencyEstimate(secondsPerImage: estimate, bindingCeiling: "measured")
  }

  /// Between order statistics, of which so many lie below the median as binomial chances say.
  ///
  /// - Parameter sorted: at least five numbers.
  static func interval(ofMedian sorted: [Double]) -> Interval {
    let (count, level) = (sorted.count, 0.9)
    // The chance that no more than `rank` of the numbers lie below the median, both ends together.
    var (term, below, rank) = (pow(0.5, Double(count)), 0.0, 0)
    while rank < count / 2, 2 * (below + term) <= 1 - level {
      below += term
      term *= Double(count - rank) / Double(rank + 1)
      rank += 1
    }
    let place = max(rank - 1, 0)
    return Interval(lower: sorted[place], upper: sorted[count - 1 - place], level: level)
  }
}

extension LatencyEstimate {
  /// Of a classifier, whose images are counted where a language model's tokens are.
  init(secondsPerImage: Estimate, bindingCeiling: String) {
    self.init(
      decodeSecondsPerToken: secondsPerImage,
      prefillTokensPerSecond: Estimate(
        value: 1 / max(secondsPerImage.value, .leastNormalMagnitude),
        provenance: secondsPerImage.provenance),
      bindingCeiling: bindingCeiling)
  }
}
