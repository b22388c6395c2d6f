import Glibc
import ViseTensor

/// Chooses a token from logits.
public struct TokenSampler: Sendable {
  private let temperature: Double
  private var random: RandomSource

  /// Always the first of the likeliest tokens.
  public static var greedy: TokenSampler { TokenSampler(temperature: 0, seed: 0) }

  /// Draws from softmax(logits / temperature); 0 chooses the likeliest.
  public init(temperature: Double, seed: UInt64) {
    precondition(temperature >= 0)
    self.temperature = temperature
    random = RandomSource(seed: seed)
  }

  /// - Parameter logits: by token; at least one.
  public mutating func choose(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    guard let start = logits.baseAddress else { return 0 }
    var (sum, best) = (0.0, Int32(0))
    Kernels.logSumExp(
      start, rows: 1, columns: logits.count, stride: logits.count, logSumExp: &sum, argmax: &best)
    return temperature > 0 ? draw(logits, likeliest: best) : best
  }

  private mutating func draw(_ logits: UnsafeBufferPointer<Float>, likeliest: Int32) -> Int32 {
    let top = Double(logits[Int(likeliest)])
    let weights = logits.map { exp((Double($0) - top) / temperature) }
    var rest = random.nextUnit() * weights.reduce(0, +)
    for (token, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return Int32(token) }
    }
    return likeliest
  }
}
