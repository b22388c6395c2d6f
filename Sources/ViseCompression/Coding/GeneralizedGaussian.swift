import Glibc

/// The density β / (2·α·Γ(1/β)) · exp(−(|x|/α)^β): Laplace for β = 1, normal for β = 2.
///
/// What weights look like, and so what their codes cost: a code q of step Δ has probability
/// F((q + ½)·Δ) − F((q − ½)·Δ). BackSlash (2025), section 3; the fit by moments is Mallat's (IEEE
/// PAMI, 1989).
public struct GeneralizedGaussian: Hashable, Sendable {
  /// The scale.
  public let alpha: Double
  /// The shape.
  public let beta: Double

  public init(alpha: Double, beta: Double) {
    precondition(alpha > 0 && beta > 0)
    self.alpha = alpha
    self.beta = beta
  }

  /// The density whose E|x| and E[x²] are the values', about 0; `nil` where all are zero.
  ///
  /// (E|x|)² / E[x²] = Γ(2/β)² / (Γ(1/β)·Γ(3/β)) rises with β, which bisection finds in 0.1…20.
  public init?(fitting values: UnsafeBufferPointer<Float>) {
    var magnitude = 0.0
    var square = 0.0
    for value in values {
      magnitude += abs(Double(value))
      square += Double(value) * Double(value)
    }
    guard magnitude > 0, square.isFinite else { return nil }
    magnitude /= Double(values.count)
    square /= Double(values.count)
    let wanted = magnitude * magnitude / square
    var (low, high) = (0.1, 20.0)
    for _ in 0..<60 {
      let middle = (low * high).squareRoot()
      if Self.momentRatio(middle) < wanted { low = middle } else { high = middle }
    }
    beta = (low * high).squareRoot()
    alpha = magnitude * exp(lgamma(1 / beta) - lgamma(2 / beta))
  }

  /// (E|x|)² / E[x²].
  static func momentRatio(_ beta: Double) -> Double {
    exp(2 * lgamma(2 / beta) - lgamma(1 / beta) - lgamma(3 / beta))
  }

  /// P(X ≤ x).
  public func distribution(_ x: Double) -> Double {
    let tail = 0.5 * IncompleteGamma.upper(1 / beta, pow(abs(x) / alpha, beta))
    return x < 0 ? tail : 1 - tail
  }

  /// −log₂ P(code): bits of code `code` of a quantizer of step `step` about 0.
  public func rate(code: Int, step: Double) -> Double {
    let magnitude = Double(abs(code))
    let probability =
      code == 0
      ? 1 - IncompleteGamma.upper(1 / beta, pow(step / 2 / alpha, beta))
      : 0.5 * (upperTail((magnitude - 0.5) * step) - upperTail((magnitude + 0.5) * step))
    return -log2(max(probability, 1e-300))
  }

  private func upperTail(_ x: Double) -> Double {
    IncompleteGamma.upper(1 / beta, pow(x / alpha, beta))
  }

  /// −Σ p·log₂ p of all codes: bits a weight under an ideal coder.
  public func entropy(step: Double) -> Double {
    var entropy = 0.0
    for code in 0..<100_000 {
      let rate = rate(code: code, step: step)
      let probability = exp2(-rate)
      entropy += (code == 0 ? 1 : 2) * probability * rate
      if code > 0, probability < 1e-12 { break }
    }
    return entropy
  }
}

/// Γ(s, x) / Γ(s): by its series below s + 1, by its continued fraction above.
enum IncompleteGamma {
  static func upper(_ s: Double, _ x: Double) -> Double {
    guard x > 0 else { return 1 }
    guard x.isFinite else { return 0 }
    return x < s + 1 ? 1 - series(s, x) : fraction(s, x)
  }

  private static func series(_ s: Double, _ x: Double) -> Double {
    var term = 1 / s
    var sum = term
    var n = s
    for _ in 0..<500 {
      n += 1
      term *= x / n
      sum += term
      if term < sum * 1e-16 { break }
    }
    return sum * exp(-x + s * log(x) - lgamma(s))
  }

  /// Lentz's method.
  private static func fraction(_ s: Double, _ x: Double) -> Double {
    let tiny = 1e-300
    var b = x + 1 - s
    var c = 1 / tiny
    var d = 1 / b
    var value = d
    for i in 1..<500 {
      let a = -Double(i) * (Double(i) - s)
      b += 2
      d = a * d + b
      d = 1 / (abs(d) < tiny ? tiny : d)
      c = b + a / c
      if abs(c) < tiny { c = tiny }
      let factor = d * c
      value *= factor
      if abs(factor - 1) < 1e-15 { break }
    }
    return exp(-x + s * log(x) - lgamma(s)) * value
  }
}
