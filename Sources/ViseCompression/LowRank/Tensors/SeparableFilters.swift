import ViseTensor

/// A convolution as filters of one column, then filters of one row:
/// W[o,i,y,x] = Σ_r H[o,r,x]·V[r,i,y].
///
/// The nearest one is a truncated SVD of (inputs · y) × (outputs · x) (Jaderberg et al., "Speeding up
/// Convolutional Neural Networks with Low Rank Expansions", BMVC 2014, scheme 2; Tai et al., "Convolutional
/// neural networks with low-rank regularization", ICLR 2016, theorem 1).
struct SeparableFilters: TensorNetwork {
  let shape: WeightShape
  let rank: Int

  static func misfit(_ shape: WeightShape) -> String? {
    shape.kernel.count == 2 ? nil : "is of convolutions of one group over two dimensions"
  }

  static func largestRanks(_ shape: WeightShape) -> [Int] {
    [min(shape.inputs * shape.kernel[0], shape.rows * shape.kernel[1])]
  }

  init(shape: WeightShape, ranks: [Int]) {
    self.shape = shape
    rank = ranks[0]
  }

  var parts: [SiteForm.Part] {
    [
      SiteForm.Part(name: "axis0", rows: rank, columns: shape.inputs * shape.kernel[0]),
      SiteForm.Part(name: "axis1", rows: shape.rows, columns: rank * shape.kernel[1]),
    ]
  }

  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix] {
    let (height, width) = (shape.kernel[0], shape.kernel[1])
    let turned = Matrix(rows: shape.rows * width, columns: shape.inputs * height)
    withExtendedLifetime((weight, turned)) {
      for o in 0..<shape.rows {
        for iy in 0..<shape.inputs * height {
          for x in 0..<width { turned.row(o * width + x)[iy] = weight.row(o)[iy * width + x] }
        }
      }
    }
    let factors = try SVDFactorization().factors(of: turned, rank: rank)
    let second = Matrix(rows: shape.rows, columns: rank * width)
    withExtendedLifetime((factors.left, second)) {
      for o in 0..<shape.rows {
        for x in 0..<width {
          for r in 0..<rank { second.row(o)[r * width + x] = factors.left.row(o * width + x)[r] }
        }
      }
    }
    return [factors.right, second]
  }

  func product(_ parts: [Matrix]) -> Matrix {
    LinearAlgebra.product(parts[1], inner(parts) ?? parts[0])
  }

  /// The first filters at every place of a row: rank·width × columns.
  func inner(_ parts: [Matrix]) -> Matrix? {
    let width = shape.kernel[1]
    let wide = Matrix.zeros(rows: rank * width, columns: shape.columns)
    withExtendedLifetime((parts[0], wide)) {
      for r in 0..<rank {
        for iy in 0..<parts[0].columns {
          for x in 0..<width { wide.row(r * width + x)[iy * width + x] = parts[0].row(r)[iy] }
        }
      }
    }
    return wide
  }
}
