import ViseTensor

/// Tucker-2 of a convolution: W[o,i,s] = Σ U[o,b]·C[b,a,s]·V[a,i].
///
/// A convolution of 1 × 1 to a few channels, the small one, and 1 × 1 back (Kim et al.,
/// "Compression of Deep Convolutional Neural Networks for Fast and Low Power Mobile Applications",
/// ICLR 2016, eq. 3; HALOC, arXiv:2301.09422). Factors are those of the sequentially truncated HOSVD
/// (Vannieuwenhoven et al., 2012); with statistics of the inputs both cuts are nearest in the outputs.
struct TuckerFilters: TensorNetwork {
  let shape: WeightShape
  /// Channels before and behind the small convolution.
  let inputs: Int
  let outputs: Int

  static func misfit(_ shape: WeightShape) -> String? {
    shape.kernel.isEmpty ? "is of convolutions of one group" : nil
  }

  static func largestRanks(_ shape: WeightShape) -> [Int] {
    [
      min(shape.inputs, shape.rows * shape.window),
      min(shape.rows, shape.columns),
    ]
  }

  init(shape: WeightShape, ranks: [Int]) {
    self.shape = shape
    (inputs, outputs) = (ranks[0], ranks[1])
  }

  var parts: [SiteForm.Part] {
    [
      SiteForm.Part(name: "inputs", rows: inputs, columns: shape.inputs),
      SiteForm.Part(name: "core", rows: outputs, columns: inputs * shape.window),
      SiteForm.Part(name: "outputs", rows: shape.rows, columns: outputs),
    ]
  }

  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix] {
    let byInput = Self.turned(weight, inner: shape.window)
    let first = try cut(byInput, statistics.map { channelMoment($0.secondMoment) }, rank: inputs)
    let wide = widened(first.right)
    let behind = try InnerStatistics(of: wide, statistics)
    let core = try behind.leastSquares(weight, damping: 1e-6)
    let second = try cut(core, statistics == nil ? nil : behind.moment, rank: outputs)
    return [first.right, second.right, second.left]
  }

  func product(_ parts: [Matrix]) -> Matrix {
    LinearAlgebra.product(parts[2], inner(parts) ?? parts[1])
  }

  /// C·V of every place: outputs' rank × columns.
  func inner(_ parts: [Matrix]) -> Matrix? {
    LinearAlgebra.product(parts[1], widened(parts[0]))
  }

  private func cut(
    _ matrix: Matrix, _ moment: Matrix?, rank: Int
  ) throws(LinearAlgebraError) -> LowRankFactors {
    let rank = min(rank, matrix.rows, matrix.columns)
    guard let moment else { return try SVDFactorization().factors(of: matrix, rank: rank) }
    return try ActivationWeightedSVD().factors(of: matrix, secondMoment: moment, rank: rank)
  }

  /// `factor`, rank × inputs, at every place of the window: rank·places × columns.
  private func widened(_ factor: Matrix) -> Matrix {
    let window = shape.window
    let wide = Matrix.zeros(rows: factor.rows * window, columns: shape.columns)
    withExtendedLifetime((factor, wide)) {
      for a in 0..<factor.rows {
        for i in 0..<factor.columns {
          for s in 0..<window {
            wide.row(a * window + s)[i * window + s] = factor.row(a)[i]
          }
        }
      }
    }
    return wide
  }

  /// Outputs × (inputs · `inner`) as (outputs · `inner`) × inputs.
  private static func turned(_ weight: Matrix, inner: Int) -> Matrix {
    let inputs = weight.columns / inner
    let result = Matrix(rows: weight.rows * inner, columns: inputs)
    withExtendedLifetime((weight, result)) {
      for o in 0..<weight.rows {
        for i in 0..<inputs {
          for s in 0..<inner {
            result.row(o * inner + s)[i] = weight.row(o)[i * inner + s]
          }
        }
      }
    }
    return result
  }

  /// E[x·xᵀ] of the channels, summed over the places of the window: inputs × inputs.
  private func channelMoment(_ moment: Matrix) -> Matrix {
    let window = shape.window
    let result = Matrix.zeros(rows: shape.inputs, columns: shape.inputs)
    withExtendedLifetime((moment, result)) {
      for i in 0..<shape.inputs {
        for j in 0..<shape.inputs {
          for s in 0..<window {
            result.row(i)[j] += moment.row(i * window + s)[j * window + s]
          }
        }
      }
    }
    return result
  }
}
