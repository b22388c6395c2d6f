public import ViseCompression
import ViseTensor

/// A basis of the residual stream whose first dimensions hold most of its energy.
///
/// ResQ (Saxena et al., "ResQ: Mixed-Precision Quantization of Large Language Models with Low-Rank
/// Residuals", 2024, section 3): U = [P_hi·R_hi, P_lo·R_lo] with P the eigenvectors of E[x xᵀ],
/// here the mean over all norms on the stream without their weights, and R random orthogonal within
/// each part. Weights that read the stream keep the first columns at 8 bits and the rest at 4
/// (`split84`).
public enum ComponentRotation {
  /// The rotation's rows are the basis, the `high` dimensions of most energy first.
  public static func rotation(
    of model: Model, high: Int, calibration: any CalibrationSource, seed: UInt64
  ) throws -> RotationRewrite {
    let stream = try ResidualStream(try model.program.get().graph)
    guard high > 0, high < stream.width else {
      throw RewriteError.notRotatable(
        reason: "the part of most energy takes 1 to \(stream.width - 1) dimensions")
    }
    try BLAS.load()
    let moment = try meanMoment(of: model, stream, calibration)
    let vectors = try LinearAlgebra.symmetricEigen(moment).vectors
    let basis = Matrix(rows: stream.width, columns: stream.width)
    // Eigenvalues ascend; the rows here descend.
    withExtendedLifetime(vectors) {
      for row in 0..<stream.width {
        basis.row(row).update(from: vectors.row(stream.width - 1 - row), count: stream.width)
      }
    }
    let mixed = Matrix(rows: stream.width, columns: stream.width)
    for (part, range) in [0..<high, high..<stream.width].enumerated() {
      // Mixing rows: each column of the part is rotated.
      let rows = basis.rows(range).transposed()
      RandomizedHadamard(length: range.count, seed: seed &+ UInt64(part)).apply(to: rows)
      let result = rows.transposed()
      mixed.row(range.lowerBound).update(from: result.pointer, count: result.count)
      withExtendedLifetime(result) {}
    }
    return RotationRewrite(residual: .dense(mixed), rotatesHeads: true, seed: seed)
  }

  /// The mean of E[n nᵀ], n the stream's values after norms without their weights, each to trace 1.
  private static func meanMoment(
    of model: Model, _ stream: ResidualStream, _ calibration: any CalibrationSource
  ) throws -> Matrix {
    let sum = Matrix.zeros(rows: stream.width, columns: stream.width)
    for reader in stream.readers where !reader.isHead {
      guard let site = model.site(named: reader.weights[0]),
        let statistics = try calibration.statistics(of: site)
      else { throw RewriteError.needsCalibration(reader.weights[0]) }
      let inverse = try model.decodeWeight(reader.norm).values.map { $0 == 0 ? 0 : 1 / $0 }
      let moment = LinearAlgebra.scaleRows(
        of: LinearAlgebra.scaleColumns(of: statistics.secondMoment, by: inverse), by: inverse)
      let trace = LinearAlgebra.diagonal(of: moment).reduce(0, +)
      guard trace > 0, trace.isFinite else { continue }
      Kernels.scale(moment.pointer, count: moment.count, by: 1 / trace)
      Kernels.add(moment.pointer, count: moment.count, to: sum.pointer)
      withExtendedLifetime(moment) {}
    }
    return sum
  }
}
