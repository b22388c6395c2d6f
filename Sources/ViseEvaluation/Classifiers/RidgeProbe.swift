import ViseTensor

/// A linear classifier fitted in closed form: ridge regression from features to one number a class.
///
/// Labels become 1 for the class and 0 for the others, so that what comes out estimates the
/// probability of each class (Hastie, Tibshirani and Friedman, "The elements of statistical learning",
/// 2nd edition, 2009, section 4.2). A linear classifier on what a layer makes is a probe of it (Alain
/// and Bengio, "Understanding intermediate layers using linear classifier probes", 2016). Of
/// min Σ‖y − b − Wᵀx‖² + nλ‖W‖² the λ is the one of a grid whose error with each image left out is
/// least, which needs no second fit: (y − ŷ)/(1 − h) (eq. 7.64 there).
struct RidgeProbe: Sendable {
  /// Features × classes.
  private let weights: Matrix
  private let featureMeans: [Float]
  private let classMeans: [Float]
  /// The λ chosen.
  let penalty: Double
  /// The mean squared error of a class's number with the image left out.
  let leaveOneOutError: Double

  /// Powers of ten of λ, in units of the features' mean variance along an eigenvector.
  static let grid = -6...1

  /// - Parameters:
  ///   - features: images × features, of which BLAS must be loaded.
  ///   - labels: by image, below `classes`.
  ///   - penalties: λ to choose from; by default the grid.
  init(
    features: Matrix, labels: [Int], classes: Int, penalties: [Double]? = nil
  ) throws(LinearAlgebraError) {
    precondition(features.rows == labels.count && labels.count > 1 && classes > 0)
    let centred = Self.centred(features)
    let targets = Matrix.zeros(rows: labels.count, columns: classes)
    for (image, label) in labels.enumerated() { targets.row(image)[label] = 1 }
    let y = Self.centred(targets)
    let turned = centred.values.transposed()
    let share = 1 / Float(labels.count)
    let covariance = LinearAlgebra.productTransposed(turned, turned)
    Self.scale(covariance, by: share)
    let eigen = try LinearAlgebra.symmetricEigen(covariance)
    let z = LinearAlgebra.productTransposed(centred.values, eigen.vectors)
    let moments = LinearAlgebra.product(z.transposed(), y.values)
    Self.scale(moments, by: share)
    let unit = eigen.values.reduce(0) { $0 + Double($1) } / Double(max(eigen.values.count, 1))
    let candidates = penalties ?? Self.grid.map { Self.power($0) * (unit > 0 ? unit : 1) }
    let errors = candidates.map { Self.error($0, eigen.values, z, moments, y.values) }
    let best = errors.indices.min { errors[$0] < errors[$1] } ?? 0
    penalty = candidates[best]
    leaveOneOutError = errors[best]
    weights = LinearAlgebra.product(
      eigen.vectors.transposed(), Self.shrunk(moments, eigen.values, candidates[best]))
    featureMeans = centred.means
    classMeans = y.means
  }

  /// By image and class what the probe makes of `features`: images × classes.
  func scores(_ features: Matrix) -> Matrix {
    precondition(features.columns == featureMeans.count)
    let x = features.copy()
    for row in 0..<x.rows {
      for column in featureMeans.indices { x.row(row)[column] -= featureMeans[column] }
    }
    let result = LinearAlgebra.product(x, weights)
    for row in 0..<result.rows {
      for column in classMeans.indices { result.row(row)[column] += classMeans[column] }
    }
    return result
  }

  private static func power(_ exponent: Int) -> Double {
    (0..<abs(exponent)).reduce(1.0) { value, _ in exponent < 0 ? value / 10 : value * 10 }
  }

  private static func scale(_ a: Matrix, by factor: Float) {
    for index in 0..<a.count { a.pointer[index] *= factor }
  }

  private static func centred(_ a: Matrix) -> (values: Matrix, means: [Float]) {
    var sums = [Double](repeating: 0, count: a.columns)
    for row in 0..<a.rows {
      for column in sums.indices { sums[column] += Double(a.row(row)[column]) }
    }
    let means = sums.map { Float($0 / Double(a.rows)) }
    let result = a.copy()
    for row in 0..<a.rows {
      for column in means.indices { result.row(row)[column] -= means[column] }
    }
    return (result, means)
  }

  /// The coefficients along the eigenvectors under λ.
  private static func shrunk(_ moments: Matrix, _ values: [Float], _ penalty: Double) -> Matrix {
    LinearAlgebra.scaleRows(
      of: moments, by: values.map { Float(1 / (max(Double($0), 0) + penalty)) })
  }

  /// The mean squared error with each image left out.
  private static func error(
    _ penalty: Double, _ values: [Float], _ z: Matrix, _ moments: Matrix, _ y: Matrix
  ) -> Double {
    let fitted = LinearAlgebra.product(z, shrunk(moments, values, penalty))
    let count = Double(z.rows)
    var sum = 0.0
    for image in 0..<z.rows {
      var leverage = 1 / count
      for (place, value) in values.enumerated() {
        let component = Double(z.row(image)[place])
        leverage += component * component / (count * (max(Double(value), 0) + penalty))
      }
      guard leverage < 1 else { return .infinity }
      for column in 0..<y.columns {
        let residual = Double(y.row(image)[column] - fitted.row(image)[column]) / (1 - leverage)
        sum += residual * residual
      }
    }
    return sum / (count * Double(y.columns))
  }
}
