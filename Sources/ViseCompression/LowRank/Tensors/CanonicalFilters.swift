import Glibc
import ViseTensor

/// A convolution as a sum of outer products: W[o,i,s] = Σ_r A[o,r]·B[i,r]·Π_d C_d[s_d,r].
///
/// A convolution of 1 × 1, one along each dimension with a filter for each channel, and 1 × 1 (Lebedev et
/// al., "Speeding-up Convolutional Neural Networks Using Fine-tuned CP-Decomposition", ICLR 2015, eq. 5), by
/// alternating least squares (Kolda and Bader, "Tensor Decompositions and Applications", SIAM Review 51,
/// 2009, figure 3.3).
struct CanonicalFilters: TensorNetwork {
  let shape: WeightShape
  let rank: Int

  private static let sweeps = 100
  /// Relative change of the error at which sweeps end.
  private static let tolerance = 1e-5
  /// Of the normal equations: nearly equal terms of opposite signs would grow without bound.
  private static let damping: Float = 1e-6

  static func misfit(_ shape: WeightShape) -> String? {
    shape.kernel.isEmpty ? "is of convolutions of one group" : nil
  }

  /// Every tensor is a sum of so many terms.
  static func largestRanks(_ shape: WeightShape) -> [Int] {
    let sizes = [shape.rows, shape.inputs] + shape.kernel
    return [shape.parameterCount / (sizes.max() ?? 1)]
  }

  init(shape: WeightShape, ranks: [Int]) {
    self.shape = shape
    rank = ranks[0]
  }

  var parts: [SiteForm.Part] {
    [SiteForm.Part(name: "inputs", rows: rank, columns: shape.inputs)]
      + shape.kernel.enumerated().map { axis, size in
        SiteForm.Part(name: "axis\(axis)", rows: rank, columns: size)
      } + [SiteForm.Part(name: "outputs", rows: shape.rows, columns: rank)]
  }

  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix] {
    var parts = start()
    var error = Double.infinity
    for _ in 0..<Self.sweeps {
      let projected = LinearAlgebra.product(parts[parts.count - 1].transposed(), weight)
      for axis in shape.kernel.indices.map({ Optional($0) }) + [nil] {
        try update(&parts, axis: axis, projected)
      }
      let last = try finish(&parts, weight)
      defer { error = last }
      if abs(error - last) <= Self.tolerance * last { break }
    }
    balance(&parts)
    return parts
  }

  func product(_ parts: [Matrix]) -> Matrix {
    LinearAlgebra.product(parts[parts.count - 1], inner(parts) ?? parts[0])
  }

  /// A row for each term: the outer product of its inputs and places.
  func inner(_ parts: [Matrix]) -> Matrix? {
    let result = Matrix(rows: rank, columns: shape.columns)
    withExtendedLifetime((parts, result)) {
      for r in 0..<rank {
        let places = places(parts, r)
        for i in 0..<shape.inputs {
          let factor = parts[0].row(r)[i]
          for (s, place) in places.enumerated() {
            result.row(r)[i * places.count + s] = factor * place
          }
        }
      }
    }
    return result
  }

  /// Normal numbers, the same for each run.
  private func start() -> [Matrix] {
    var random = RandomSource(seed: 1)
    return parts.map { part in
      Matrix(
        rows: part.rows, columns: part.columns,
        values: (0..<part.rows * part.columns).map { _ in
          // A sum of uniform numbers is near enough to normal.
          Float((0..<4).reduce(-2.0) { sum, _ in sum + random.nextUnit() })
        })
    }
  }

  /// Π_d C_d[s_d,r] of every place s, but for dimension `axis`.
  private func places(_ parts: [Matrix], _ r: Int, without axis: Int? = nil) -> [Float] {
    var result: [Float] = [1]
    for (index, size) in shape.kernel.enumerated() {
      let row = parts[index + 1].row(r)
      result = result.flatMap { value in
        (0..<size).map { index == axis ? value : value * row[$0] }
      }
    }
    return result
  }

  /// The least squares of one dimension's factor, or of the inputs', the others held.
  ///
  /// - Parameter projected: Aᵀ·W.
  private func update(_ parts: inout [Matrix], axis: Int?, _ projected: Matrix) throws {
    let index = axis.map { $0 + 1 } ?? 0
    let window = shape.window
    let stride = axis.map { shape.kernel[($0 + 1)...].reduce(1, *) } ?? 1
    let right = Matrix.zeros(rows: rank, columns: parts[index].columns)
    withExtendedLifetime((parts, projected, right)) {
      for r in 0..<rank {
        let places = places(parts, r, without: axis)
        let sums = right.row(r)
        for i in 0..<shape.inputs {
          let row = projected.row(r) + i * window
          for s in 0..<window {
            if let axis {
              sums[s / stride % shape.kernel[axis]] += row[s] * places[s] * parts[0].row(r)[i]
            } else {
              sums[i] += row[s] * places[s]
            }
          }
        }
      }
    }
    parts[index] = try solved(gram(parts, without: index), right)
  }

  /// The least squares of the outputs' factor; returns the squared error, as a share of ‖W‖².
  private func finish(_ parts: inout [Matrix], _ weight: Matrix) throws -> Double {
    let last = parts.count - 1
    guard let inner = inner(parts) else { return 0 }
    let right = LinearAlgebra.productTransposed(inner, weight)
    let gram = gram(parts, without: last)
    let solution = try solved(gram, right)
    parts[last] = solution.transposed()
    let own = LinearAlgebra.productTransposed(solution, solution)
    let total = Kernels.dot(weight.pointer, weight.pointer, count: weight.count)
    let common = Kernels.dot(right.pointer, solution.pointer, count: right.count)
    let made = Kernels.dot(own.pointer, gram.pointer, count: own.count)
    return max(0, total - 2 * common + made) / max(total, .leastNormalMagnitude)
  }

  /// The element-wise product of the factors' Gram matrices, but for part `index`: rank × rank.
  private func gram(_ parts: [Matrix], without index: Int) -> Matrix {
    let result = Matrix(
      rows: rank, columns: rank, values: [Float](repeating: 1, count: rank * rank))
    for (place, part) in parts.enumerated() where place != index {
      let factor = place == parts.count - 1 ? part.transposed() : part
      let own = LinearAlgebra.productTransposed(factor, factor)
      for element in 0..<result.count { result.pointer[element] *= own.pointer[element] }
    }
    return result
  }

  /// X with gram·X = `right`, rank × something.
  private func solved(_ gram: Matrix, _ right: Matrix) throws -> Matrix {
    let root = try LinearAlgebra.dampedCholesky(gram, damping: Self.damping).factor
    let half = try LinearAlgebra.solveTriangular(
      root, .lower, transposed: true, on: .right, right.transposed())
    return try LinearAlgebra.solveTriangular(root, .lower, on: .right, half).transposed()
  }

  /// Gives each term's parts equal norms, which suits storing them in few bits.
  private func balance(_ parts: inout [Matrix]) {
    let last = parts.count - 1
    parts[last] = parts[last].transposed()
    for r in 0..<rank {
      let norms = parts.map { Kernels.dot($0.row(r), $0.row(r), count: $0.columns).squareRoot() }
      guard norms.allSatisfy({ $0 > 0 }) else { continue }
      let product = norms.reduce(1, *)
      let common = exp(log(product) / Double(norms.count))
      for (part, norm) in zip(parts, norms) {
        for column in 0..<part.columns { part.row(r)[column] *= Float(common / norm) }
      }
    }
    parts[last] = parts[last].transposed()
  }
}
