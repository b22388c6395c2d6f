import Glibc
import ViseTensor

/// Predicts measured losses from predicted ones, with a factor for each group of units.
///
/// loss ≈ Σ_g w_g · x_g, where x_g is the sum of a group's predicted losses. The factors have a Gaussian
/// prior around one common factor, and measurements a relative error; the posterior is Gaussian and
/// says how unsure it is (Bayesian linear regression: Bishop, "Pattern Recognition and Machine
/// Learning", eq. 3.49–3.51).
struct GroupSurrogate: Sendable {
  private let problem: SearchProblem
  private let groupCount: Int
  private var rows: [(features: [Double], loss: Double)] = []
  /// Posterior mean of the factors; of them all together first.
  private var mean: [Double]
  /// Lower Cholesky factor of the posterior precision.
  private var factor: [[Double]]

  /// Standard deviations of the prior: of the common factor, and of a group's around it.
  private static let commonDeviation = 0.5
  private static let groupDeviation = 0.35
  /// Relative error of one measurement that the groups do not explain.
  private static let noise = 0.06

  init(_ problem: SearchProblem) {
    self.problem = problem
    groupCount = (problem.groups.max() ?? -1) + 1
    mean = [1] + [Double](repeating: 0, count: groupCount)
    factor = []
    refit()
  }

  /// Learns that `choice` measured `loss` nats.
  mutating func learn(_ choice: [Int], loss: Double) {
    guard loss.isFinite, loss > 0 else { return }
    rows.append((features(of: choice), loss))
    refit()
  }

  /// The expected loss of `choice`, in nats.
  func loss(of choice: [Int]) -> Double {
    max(0, zip(features(of: choice), mean).reduce(0) { $0 + $1.0 * $1.1 })
  }

  /// How unsure the expected loss is, in nats: one standard deviation.
  func deviation(of choice: [Int]) -> Double {
    let half = forward(features(of: choice))
    return half.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// The problem with expected losses.
  func expected() -> AllocationProblem { allocation(mean) }

  /// The problem with losses under factors drawn from the posterior.
  func sampled(_ random: inout RandomSource, scale: Double = 1) -> AllocationProblem {
    var weights = mean.map { _ in random.nextGaussian() * scale }
    // Precision = L·Lᵀ, so L⁻ᵀ·z has the posterior's covariance.
    for row in weights.indices.reversed() {
      for column in (row + 1)..<weights.count {
        weights[row] -= factor[column][row] * weights[column]
      }
      weights[row] /= factor[row][row]
    }
    return allocation(zip(weights, mean).map { $0 + $1 })
  }

  private func allocation(_ weights: [Double]) -> AllocationProblem {
    problem.allocation.withLosses { unit, option in
      let weight = max(0.05, weights[0] + weights[problem.groups[unit] + 1])
      return weight * problem.allocation.units[unit][option].loss
    }
  }

  /// The sum of all groups, then each group's.
  private func features(of choice: [Int]) -> [Double] {
    var features = [Double](repeating: 0, count: groupCount + 1)
    for (unit, option) in choice.enumerated() {
      let loss = problem.allocation.units[unit][option].loss
      features[0] += loss
      features[problem.groups[unit] + 1] += loss
    }
    features[0] += problem.baseLoss
    return features
  }

  private mutating func refit() {
    let size = groupCount + 1
    var precision = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
    var target = [Double](repeating: 0, count: size)
    for index in 0..<size {
      let deviation = index == 0 ? Self.commonDeviation : Self.groupDeviation
      precision[index][index] = 1 / (deviation * deviation)
    }
    target[0] = precision[0][0]
    for row in rows {
      let weight = 1 / (Self.noise * Self.noise * row.loss * row.loss)
      for i in 0..<size {
        target[i] += weight * row.features[i] * row.loss
        for j in 0...i { precision[i][j] += weight * row.features[i] * row.features[j] }
      }
    }
    factor = Self.cholesky(precision)
    var solution = forward(target)
    for row in solution.indices.reversed() {
      for column in (row + 1)..<size { solution[row] -= factor[column][row] * solution[column] }
      solution[row] /= factor[row][row]
    }
    mean = solution
  }

  /// L⁻¹·`values`.
  private func forward(_ values: [Double]) -> [Double] {
    var result = values
    for row in result.indices {
      for column in 0..<row { result[row] -= factor[row][column] * result[column] }
      result[row] /= factor[row][row]
    }
    return result
  }

  /// The lower factor of a positive definite matrix given by its lower half.
  private static func cholesky(_ a: [[Double]]) -> [[Double]] {
    var l = a
    for column in a.indices {
      for row in column..<a.count {
        var sum = a[row][column]
        for k in 0..<column { sum -= l[row][k] * l[column][k] }
        // The prior keeps the diagonal above 0 but for rounding.
        l[row][column] =
          row == column ? max(sum, 1e-300).squareRoot() : sum / l[column][column]
      }
    }
    return l
  }
}

extension RandomSource {
  /// A draw from the standard normal distribution (Box and Muller, 1958).
  mutating func nextGaussian() -> Double {
    let radius = (-2 * log(max(nextUnit(), .leastNormalMagnitude))).squareRoot()
    return radius * cos(2 * .pi * nextUnit())
  }
}
