public import ViseTensor

/// Quantizes a weight in the principal components of its inputs, bits following their energy, and
/// adjusts codes until their direction fits.
///
/// SAQ (2025), for linear layers: with E[x xᵀ] = V·Λ·Vᵀ the rows of W·V·Λ^½ err as the outputs do.
/// Their components are sorted by energy, cut into segments by `SegmentAllocation`, and each row's
/// segment is a scale times codes c + ½ − 2^(b−1), c of b bits; codes move by ±1 as long as the
/// angle to the segment shrinks (code adjustment, algorithm 1), and the scale is the least-squares
/// one. The basis is shared by all weights that see the same inputs, or folded into what makes them.
public struct SegmentedQuantizer: Sendable {
  /// columns × columns: W·analysis has the components.
  public let analysis: Matrix
  /// Its inverse.
  public let synthesis: Matrix

  /// - Throws: `CompressionError.numericalFailure` for moments that are no numbers.
  public init(secondMoment: Matrix, damping: Double = 1e-3) throws(CompressionError) {
    let size = secondMoment.columns
    do throws(LinearAlgebraError) {
      let eigen = try LinearAlgebra.symmetricEigen(secondMoment)
      let mean = eigen.values.reduce(0.0) { $0 + Double($1) } / Double(max(size, 1))
      let floor = Float(max(mean, 0) * damping) + .leastNormalMagnitude
      let roots = eigen.values.map { (max($0, 0) + floor).squareRoot() }
      analysis = LinearAlgebra.scaleColumns(of: eigen.vectors.transposed(), by: roots)
      synthesis = LinearAlgebra.scaleRows(of: eigen.vectors, by: roots.map { 1 / $0 })
    } catch {
      throw .numericalFailure("the second moment of the inputs has no components: \(error)")
    }
  }

  /// Stores `weight` in at most `bitsPerWeight`, scales included and the basis not.
  public func encode(
    _ weight: Matrix, bitsPerWeight: Double, unit: Int = 16, work: RowWork
  ) throws -> SegmentedWeight {
    precondition(weight.columns == analysis.rows)
    let components = LinearAlgebra.product(weight, analysis)
    let energies = (0..<components.columns).map { column in
      (0..<components.rows).reduce(0.0) { sum, row in
        let value = Double(components.row(row)[column])
        return sum + value * value
      } / Double(max(components.rows, 1))
    }
    let order = energies.indices.sorted { energies[$0] > energies[$1] }
    let allocation = SegmentAllocation(
      energies: order.map { energies[$0] },
      bitCount: Int(bitsPerWeight * Double(weight.columns)), unit: unit)
    let rows = try work.map(rows: weight.rows) { row in
      let values = order.map { components.row(row)[$0] }
      return allocation.segments.map { segment in
        SegmentCodes(fitting: Array(values[segment.range]), bits: segment.bits)
      }
    }
    return withExtendedLifetime(components) {
      SegmentedWeight(
        rows: weight.rows, columns: weight.columns, order: order, allocation: allocation,
        codes: rows)
    }
  }

  /// The values `encoded` stands for.
  public func decode(_ encoded: SegmentedWeight) -> Matrix {
    let components = Matrix.zeros(rows: encoded.rows, columns: encoded.columns)
    for (row, segments) in encoded.codes.enumerated() {
      let target = components.row(row)
      for (segment, codes) in zip(encoded.allocation.segments, segments) {
        for (offset, value) in codes.values.enumerated() {
          target[encoded.order[segment.range.lowerBound + offset]] = value
        }
      }
    }
    return LinearAlgebra.product(components, synthesis)
  }
}

/// A weight as `SegmentedQuantizer` stores it.
public struct SegmentedWeight: Sendable {
  public let rows: Int
  public let columns: Int
  /// The component each place holds.
  public let order: [Int]
  public let allocation: SegmentAllocation
  /// By row, then by segment.
  public let codes: [[SegmentCodes]]

  /// Bytes of all rows' codes and scales, each row beginning at a byte.
  public var byteCount: Int { rows * ((allocation.bitCount + 7) / 8) }

  /// Bytes of a basis stored as half floats, where it is stored at all.
  public var basisByteCount: Int { 2 * columns * columns }
}

/// Codes of one row's segment, and their scale.
public struct SegmentCodes: Hashable, Sendable {
  public let bits: Int
  public let codes: [UInt8]
  /// A half float's value.
  public let scale: Float

  /// Codes near `values` in direction, and the scale of least squared error for them.
  ///
  /// - Parameter sweeps: rounds of code adjustment; 0 only rounds.
  public init(fitting values: [Float], bits: Int, sweeps: Int = 4) {
    self.bits = bits
    let extreme = values.reduce(Float(0)) { max($0, abs($1)) }
    guard bits > 0, extreme > 0 else {
      codes = bits > 0 ? [UInt8](repeating: 0, count: values.count) : []
      scale = 0
      return
    }
    let half = Float(1 << (bits - 1))
    var best: (fit: Double, codes: [Float]) = (-1, [])
    // Clipping the outermost values refines the rest: the steps that uniform widths want.
    for shrink in stride(from: Float(1), through: 0.4, by: -0.15) {
      let step = extreme * shrink / half
      var levels = values.map { min(max(($0 / step).rounded(.down), -half), half - 1) + 0.5 }
      let fit = Self.adjust(&levels, to: values, half: half, sweeps: sweeps)
      if fit > best.fit { best = (fit, levels) }
    }
    codes = best.codes.map { UInt8($0 - 0.5 + half) }
    let product = zip(values, best.codes).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    let square = best.codes.reduce(0.0) { $0 + Double($1) * Double($1) }
    scale = Half.nearest(Float(product / square))
  }

  /// The values the codes stand for; none for a segment without bits.
  public var values: [Float] {
    let half = Float(1 << max(bits - 1, 0))
    return codes.map { (Float($0) + 0.5 - half) * scale }
  }

  /// Moves levels by ±1 while that raises ⟨x, q⟩² / ⟨q, q⟩, which it returns.
  private static func adjust(
    _ levels: inout [Float], to values: [Float], half: Float, sweeps: Int
  ) -> Double {
    var product = zip(values, levels).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    var square = levels.reduce(0.0) { $0 + Double($1) * Double($1) }
    for _ in 0..<sweeps {
      var isChanged = false
      for index in levels.indices {
        let (x, q) = (Double(values[index]), Double(levels[index]))
        for step in [-1.0, 1.0] where abs(q + step) < Double(half) {
          let nextProduct = product + step * x
          let nextSquare = square + 2 * step * q + 1
          guard nextProduct > 0,
            nextProduct * nextProduct * square > product * product * nextSquare * (1 + 1e-9)
          else { continue }
          (product, square) = (nextProduct, nextSquare)
          levels[index] += Float(step)
          isChanged = true
          break
        }
      }
      if !isChanged { break }
    }
    return product > 0 ? product * product / square : 0
  }
}
