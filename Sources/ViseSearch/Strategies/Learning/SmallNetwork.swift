import Glibc
import ViseTensor

/// A fully connected network with one hidden layer of tanh units, trained by Adam.
///
/// y = W₂·tanh(W₁·x); inputs carry a constant feature in place of biases. Adam: Kingma and Ba,
/// arXiv:1412.6980, algorithm 1.
struct SmallNetwork: Sendable {
  private let inputs, hidden, outputs: Int
  private var weights: [Double]
  private var first: [Double]
  private var second: [Double]
  private var gradient: [Double]
  private var steps = 0
  private let rate: Double

  private static let decay = (first: 0.9, second: 0.999)

  init(inputs: Int, hidden: Int, outputs: Int, rate: Double, _ random: inout RandomSource) {
    self.inputs = inputs
    self.hidden = hidden
    self.outputs = outputs
    self.rate = rate
    let count = hidden * inputs + outputs * (hidden + 1)
    weights = (0..<count).map { index in
      let fan = index < hidden * inputs ? inputs : hidden + 1
      return random.nextGaussian() * (1 / Double(fan)).squareRoot() * (fan == inputs ? 1 : 0.1)
    }
    first = [Double](repeating: 0, count: count)
    second = first
    gradient = first
  }

  /// Hidden activations, and a constant at their end.
  private func activations(_ x: [Double]) -> [Double] {
    var result = [Double](repeating: 1, count: hidden + 1)
    for unit in 0..<hidden {
      var sum = 0.0
      for input in 0..<inputs { sum += weights[unit * inputs + input] * x[input] }
      result[unit] = tanh(sum)
    }
    return result
  }

  private func output(_ h: [Double]) -> [Double] {
    (0..<outputs).map { out in
      let base = hidden * inputs + out * (hidden + 1)
      var sum = 0.0
      for unit in 0...hidden { sum += weights[base + unit] * h[unit] }
      return sum
    }
  }

  func callAsFunction(_ x: [Double]) -> [Double] { output(activations(x)) }

  /// Adds the gradient of a loss whose derivative by the outputs at `x` is `derivative`.
  mutating func accumulate(_ x: [Double], derivative: [Double]) {
    let h = activations(x)
    var back = [Double](repeating: 0, count: hidden)
    for out in 0..<outputs where derivative[out] != 0 {
      let base = hidden * inputs + out * (hidden + 1)
      for unit in 0...hidden { gradient[base + unit] += derivative[out] * h[unit] }
      for unit in 0..<hidden { back[unit] += derivative[out] * weights[base + unit] }
    }
    for unit in 0..<hidden {
      let slope = back[unit] * (1 - h[unit] * h[unit])
      for input in 0..<inputs { gradient[unit * inputs + input] += slope * x[input] }
    }
  }

  /// Takes a step down the gradient accumulated over `count` samples, and forgets it.
  mutating func step(over count: Int) {
    steps += 1
    let firstBias = 1 - pow(Self.decay.first, Double(steps))
    let secondBias = 1 - pow(Self.decay.second, Double(steps))
    for index in weights.indices {
      let slope = gradient[index] / Double(max(count, 1))
      first[index] = Self.decay.first * first[index] + (1 - Self.decay.first) * slope
      second[index] = Self.decay.second * second[index] + (1 - Self.decay.second) * slope * slope
      weights[index] -=
        rate * (first[index] / firstBias) / ((second[index] / secondBias).squareRoot() + 1e-8)
      gradient[index] = 0
    }
  }
}
