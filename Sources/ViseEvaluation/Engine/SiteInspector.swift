import Glibc
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

/// Looks at single sites' values; lives on the engine's thread.
final class SiteInspector {
  private let model: Model
  private let pool: ComputePool
  private let weights: WeightStore
  private let compressor: SiteCompressor
  /// The spectrum computed last, which no treatment changes.
  private var spectrum: (site: Int, value: WeightSpectrum)?

  /// Bins of a histogram: more than a screen has columns.
  private static let binCount = 240
  /// The largest order whose eigenvalues are computed.
  private static let orderLimit = 1024
  /// Rows the products of a spectrum are summed over at most.
  private static let lengthLimit = 16_384

  /// Shares the weights of `session`.
  init(session: ModelSession) {
    model = session.model
    pool = session.pool
    weights = session.weights
    compressor = session.compressor
  }

  /// For models that cannot be run.
  init(
    model: Model, calibration: (any CalibrationSource)?, pool: ComputePool, memoryByteCount: Int
  ) {
    self.model = model
    self.pool = pool
    weights = WeightStore(model: model, byteBudget: memoryByteCount / 4)
    compressor = SiteCompressor(
      reference: weights, calibration: calibration, byteBudget: memoryByteCount / 4)
  }

  /// Calls `report` with the values' figures, and again once the spectrum is known.
  ///
  /// - Throws: `CancelledError`, and what treating the site throws.
  func inspect(
    _ site: Site, under treatment: Treatment, cancellation: CancellationFlag,
    report: (SiteInspection) -> Void
  ) throws {
    try BLAS.load()
    let original = try weights.weight(site.name)
    let limit = try Self.limit(of: original, cancellation)
    let before = try Self.histogram(original, limit: limit, cancellation)
    var plan = Plan()
    plan[site.name] = treatment
    var after: WeightHistogram?
    var distortion: Distortion?
    if let change = plan.change(of: site) {
      try compressor.prefetch([(site, change)], on: pool, cancellation: cancellation)
      let values = try compressor.values(of: site, under: change)
      after = try Self.histogram(values, limit: limit, cancellation)
      distortion = try Self.distortion(original, values, cancellation)
    }
    var inspection = SiteInspection(
      siteIndex: site.index, treatment: treatment, before: before, after: after,
      distortion: distortion)
    inspection.spectrum = spectrum.flatMap { $0.site == site.index ? $0.value : nil }
    report(inspection)
    guard inspection.spectrum == nil else { return }
    let found = try Self.spectrum(of: original, cancellation)
    spectrum = (site.index, found)
    inspection.spectrum = found
    report(inspection)
  }

  /// Calls `body` with rows of about a million values.
  private static func forEachPart(
    _ matrix: Matrix, _ cancellation: CancellationFlag, _ body: (Range<Int>) -> Void
  ) throws {
    let length = max(1_048_576 / max(matrix.columns, 1), 1)
    for start in stride(from: 0, to: matrix.rows, by: length) {
      try cancellation.check()
      body(start * matrix.columns..<min(start + length, matrix.rows) * matrix.columns)
    }
  }

  /// Six standard deviations, or the largest magnitude where that is less.
  private static func limit(
    of matrix: Matrix, _ cancellation: CancellationFlag
  ) throws -> Double {
    var (power, largest): (Double, Float) = (0, 0)
    try forEachPart(matrix, cancellation) { range in
      withExtendedLifetime(matrix) {
        for index in range {
          let value = matrix.pointer[index]
          power += Double(value) * Double(value)
          largest = max(largest, abs(value))
        }
      }
    }
    let deviation = (power / Double(max(matrix.count, 1))).squareRoot()
    return max(min(6 * deviation, Double(largest)), .leastNormalMagnitude)
  }

  private static func histogram(
    _ matrix: Matrix, limit: Double, _ cancellation: CancellationFlag
  ) throws -> WeightHistogram {
    var bins = [Int](repeating: 0, count: binCount)
    var (zeros, outside) = (0, 0)
    let scale = Double(binCount) / (2 * limit)
    try forEachPart(matrix, cancellation) { range in
      withExtendedLifetime(matrix) {
        for index in range {
          let value = Double(matrix.pointer[index])
          if value == 0 {
            zeros += 1
            continue
          }
          if value.magnitude > limit { outside += 1 }
          let clamped = min(max(value, -limit), limit)
          bins[min(Int((clamped + limit) * scale), binCount - 1)] += 1
        }
      }
    }
    return WeightHistogram(
      limit: limit, bins: bins, zeroCount: zeros, outsideCount: outside, count: matrix.count)
  }

  private static func distortion(
    _ original: Matrix, _ treated: Matrix, _ cancellation: CancellationFlag
  ) throws -> Distortion {
    var sum = Distortion()
    try forEachPart(original, cancellation) { range in
      withExtendedLifetime((original, treated)) {
        sum.add(
          Distortion(
            original: original.pointer + range.lowerBound,
            treated: treated.pointer + range.lowerBound, count: range.count))
      }
    }
    return sum
  }

  /// Singular values by the eigenvalues of the smaller product of the weight with itself.
  private static func spectrum(
    of weight: Matrix, _ cancellation: CancellationFlag
  ) throws -> WeightSpectrum {
    let tall = weight.rows >= weight.columns ? weight : weight.transposed()
    let rows = evenly(tall.rows, atMost: lengthLimit)
    let columns = evenly(tall.columns, atMost: orderLimit)
    let gram = Matrix.zeros(rows: columns.count, columns: columns.count)
    let block = 256
    for start in stride(from: 0, to: rows.count, by: block) {
      try cancellation.check()
      let part = rows[start..<min(start + block, rows.count)]
      let values = Matrix(rows: part.count, columns: columns.count)
      try withExtendedLifetime((tall, values)) {
        for (offset, row) in part.enumerated() {
          let (source, target) = (tall.row(row), values.row(offset))
          for (index, column) in columns.enumerated() { target[index] = source[column] }
        }
        try LinearAlgebra.accumulateGram(
          x: values.pointer, rows: part.count, columns: columns.count, stride: columns.count,
          into: gram)
      }
    }
    try cancellation.check()
    let eigen = try LinearAlgebra.symmetricEigen(gram)
    let sampled = rows.count < tall.rows || columns.count < tall.columns
    let isTall = weight.rows >= weight.columns
    return WeightSpectrum(
      values: eigen.values.reversed().map { max($0, 0).squareRoot() },
      rows: isTall ? rows.count : columns.count, columns: isTall ? columns.count : rows.count,
      isSampled: sampled)
  }

  /// At most `limit` indices below `count`, evenly spaced.
  private static func evenly(_ count: Int, atMost limit: Int) -> [Int] {
    count <= limit ? Array(0..<count) : (0..<limit).map { $0 * count / limit }
  }
}
