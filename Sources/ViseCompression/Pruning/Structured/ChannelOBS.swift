public import ViseTensor

/// Removes channels one unit at a time, the others making up for each at once.
///
/// The structured optimal brain surgeon of "ZipLM" (Kurtic, Frantar and Alistarh, arXiv:2302.04089,
/// section 3.1): the unit u with the smallest tr(W_u·([H⁻¹]_uu)⁻¹·W_uᵀ) goes, then
/// W −= W_u·([H⁻¹]_uu)⁻¹·[H⁻¹]_u: and H⁻¹ −= [H⁻¹]_:u·([H⁻¹]_uu)⁻¹·[H⁻¹]_u:.
public struct ChannelOBS: Sendable {
  public let group: ChannelGroup
  private let inverse: Matrix

  /// Beyond so many columns the work, removed × columns², takes too long.
  public static let columnLimit = 4096

  public init(group: ChannelGroup, factor: InputFactor) throws(CompressionError) {
    guard factor.size <= Self.columnLimit else {
      throw .unsuitable(
        "obs needs rows of at most \(Self.columnLimit), this site's are \(factor.size)")
    }
    self.group = group
    inverse = factor.inverse
  }

  /// The columns of `weight` that remain when all but `keptCount` units have gone.
  public func selection(
    of weight: Matrix, keptCount: Int, cancellation: CancellationFlag
  ) throws -> ChannelSelection {
    precondition(weight.columns == inverse.columns)
    let (values, own) = (weight.copy(), inverse.copy())
    var alive = Array(0..<group.count)
    while alive.count > keptCount {
      try cancellation.check()
      let costs = try costs(of: alive, values, own)
      guard let place = costs.indices.min(by: { costs[$0] < costs[$1] }) else { break }
      try remove(alive.remove(at: place), values, own)
    }
    return ChannelSelection(
      kept: alive.flatMap { Array($0 * group.unit..<($0 + 1) * group.unit) })
  }

  private func range(_ unit: Int) -> Range<Int> {
    unit * group.unit..<(unit + 1) * group.unit
  }

  private func costs(of units: [Int], _ weight: Matrix, _ inverse: Matrix) throws -> [Double] {
    guard group.unit == 1 else { return try units.map { try cost(of: $0, weight, inverse) } }
    let squares = weight.columnSquares
    return withExtendedLifetime(inverse) {
      units.map { squares[$0] / Double(max(inverse.row($0)[$0], .leastNormalMagnitude)) }
    }
  }

  /// What the outputs' error becomes by taking `unit`, the rest adjusted.
  private func cost(of unit: Int, _ weight: Matrix, _ inverse: Matrix) throws -> Double {
    let columns = weight.columns(range(unit))
    let scaled = try solved(unit, columns, inverse)
    return withExtendedLifetime((columns, scaled)) {
      Kernels.dot(columns.pointer, scaled.pointer, count: columns.count)
    }
  }

  /// `columns`·([H⁻¹]_uu)⁻¹.
  private func solved(_ unit: Int, _ columns: Matrix, _ inverse: Matrix) throws -> Matrix {
    let block = inverse.rows(range(unit)).columns(range(unit))
    if group.unit == 1 {
      let scale = 1 / max(withExtendedLifetime(block) { $0.pointer[0] }, .leastNormalMagnitude)
      return LinearAlgebra.scaleColumns(of: columns, by: [scale])
    }
    do {
      let root = try LinearAlgebra.dampedCholesky(block, damping: 1e-6).factor
      let half = try LinearAlgebra.solveTriangular(
        root, .lower, transposed: true, on: .right, columns)
      return try LinearAlgebra.solveTriangular(root, .lower, on: .right, half)
    } catch {
      throw CompressionError.numericalFailure("the heads have no inverse: \(error)")
    }
  }

  /// Takes `unit` out of both matrices.
  private func remove(_ unit: Int, _ weight: Matrix, _ inverse: Matrix) throws {
    let row = inverse.rows(range(unit))
    let weightStep = try solved(unit, weight.columns(range(unit)), inverse)
    let inverseStep = try solved(unit, inverse.columns(range(unit)), inverse)
    for (target, step) in [(weight, weightStep), (inverse, inverseStep)] {
      withExtendedLifetime((target, step, row)) {
        for index in 0..<target.rows {
          for member in 0..<group.unit {
            let factor = step.row(index)[member]
            let (to, from) = (target.row(index), row.row(member))
            for column in 0..<target.columns { to[column] -= factor * from[column] }
          }
        }
      }
    }
  }
}
