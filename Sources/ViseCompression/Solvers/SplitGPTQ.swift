import ViseTensor

/// GPTQ for rows whose first columns have more bits: error feedback within each part, and from the
/// first to the rest.
///
/// Frantar et al., arXiv:2210.17323, algorithm 1, in two runs: with H⁻¹ = Uᵀ·U, the first run walks
/// along U's leading corner; the rest then takes −E·H₁₂·H₂₂⁻¹, which is what the sweep's updates
/// add up to, and is rounded along the trailing corner.
struct SplitGPTQ {
  let format: SplitFormat
  let factor: InputFactor

  func encode(_ weight: Matrix, mask: Mask?, work: RowWork) throws -> EncodedWeight {
    let parts = format.parts(columns: weight.columns)
    let (head, tail) = (parts[0].columns, parts[1].columns)
    let original = weight.columns(head)
    let first = try GridGPTQ(codec: format.first, factor: factor.corner(head))
      .encode(original, mask: mask?.columns(head), work: work)
    let error = try format.first.decode(first, work: work)
    withExtendedLifetime(original) {
      for index in 0..<error.count { error.pointer[index] -= original.pointer[index] }
    }
    let trailing = try factor.corner(tail)
    let crossing = factor.moment.rows(head).columns(tail)
    let compensation = LinearAlgebra.product(
      LinearAlgebra.productTransposed(
        LinearAlgebra.product(error, crossing), trailing.inverseFactor),
      trailing.inverseFactor)
    let target = weight.columns(tail)
    withExtendedLifetime(compensation) {
      for index in 0..<target.count { target.pointer[index] -= compensation.pointer[index] }
    }
    let rest = try GridGPTQ(codec: format.rest, factor: trailing)
      .encode(target, mask: mask?.columns(tail), work: work)
    return format.joined([first, rest], columns: weight.columns)
  }
}

extension InputFactor {
  /// The factor of some first or last inputs once all others have made up for their errors.
  func corner(_ range: Range<Int>) throws(CompressionError) -> InputFactor {
    precondition(range.lowerBound == 0 || range.upperBound == size)
    let corner = inverseFactor.rows(range).columns(range)
    do throws(LinearAlgebraError) {
      let inverse = try LinearAlgebra.invertTriangular(corner, .upper)
      return InputFactor(
        moment: LinearAlgebra.productTransposed(inverse, inverse), inverseFactor: corner)
    } catch {
      throw .numericalFailure("a part of the second moment has no factor: \(error)")
    }
  }
}

extension Mask {
  /// The mask of some columns.
  fileprivate func columns(_ range: Range<Int>) -> Mask {
    let result = Mask(rows: rows, columns: range.count)
    for row in 0..<rows {
      let kept = factors(row..<row + 1).columns(range)
      withExtendedLifetime(kept) { result.fill(row: row, from: kept.pointer) }
    }
    return result
  }
}
