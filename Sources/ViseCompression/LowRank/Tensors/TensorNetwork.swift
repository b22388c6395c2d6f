import ViseTensor

/// Small tensors that make up a weight when they are contracted.
protocol TensorNetwork: Sendable {
  /// Why weights of `shape` cannot be made up so, as what follows the name; `nil` where they can.
  static func misfit(_ shape: WeightShape) -> String?

  /// Ranks that hold any weight of `shape`, or more than are of use.
  static func largestRanks(_ shape: WeightShape) -> [Int]

  /// - Precondition: no misfit; ranks from 1 to the largest.
  init(shape: WeightShape, ranks: [Int])

  /// As matrices, in the order they are applied to an input.
  var parts: [SiteForm.Part] { get }

  /// The parts of the network near `weight`, or near its outputs where its inputs are known; BLAS must
  /// be loaded.
  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix]

  /// The weight that `parts` make up.
  func product(_ parts: [Matrix]) -> Matrix

  /// What the last part, whose columns weigh it, is multiplied with; `nil` where the last part is not
  /// what makes the outputs.
  func inner(_ parts: [Matrix]) -> Matrix?
}

extension TensorNetwork {
  var parameterCount: Int { parts.reduce(0) { $0 + $1.rows * $1.columns } }

  func inner(_ parts: [Matrix]) -> Matrix? { nil }
}

extension Matrix {
  /// The same numbers in rows of another length; storage is shared.
  func folded(rows: Int, columns: Int) -> Matrix {
    precondition(rows * columns == count)
    return Matrix(rows: rows, columns: columns, buffer: buffer)
  }
}
