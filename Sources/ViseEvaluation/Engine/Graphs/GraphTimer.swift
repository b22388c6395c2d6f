import ViseEstimates
import ViseGraphs
import ViseTensor

/// Times plans of a classifier on this machine: one image at a time, in the executor's float kernels.
struct GraphTimer {
  private let image: Tensor
  private let pool: ComputePool
  private let byteLimit: Int
  private static let runs = 7

  /// - Parameter image: a batch of one.
  init(image: Tensor, pool: ComputePool, byteLimit: Int) {
    self.image = image
    self.pool = pool
    self.byteLimit = byteLimit
  }

  /// The median of several runs; codes are decoded, as another runtime's integer kernels need not.
  func latency(
    of planned: PlannedGraph, cancellation: CancellationFlag
  ) throws -> LatencyEstimate {
    let program = try GraphProgram(planned.model)
    let context = GraphContext(
      pool: pool, memory: StoragePool(byteLimit: byteLimit / 8), byteLimit: byteLimit,
      cancellation: cancellation)
    let seconds = try (0..<Self.runs).map { _ in
      let start = ContinuousClock.now
      _ = try program.run(
        [program.inputValues[0]: image], wanted: [program.outputs[0]], context: context)
      return (ContinuousClock.now - start) / .seconds(1)
    }.sorted()
    let estimate = Estimate(
      value: seconds[Self.runs / 2],
      interval: Interval(lower: seconds[0], upper: seconds[Self.runs - 1], level: 0.9),
      provenance: .measured(tokens: Self.runs, of: Self.runs))
    return LatencyEstimate(secondsPerImage: estimate, bindingCeiling: "measured")
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
