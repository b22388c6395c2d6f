import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

/// Where an inspector finds the values of sites.
struct InspectedWeights {
  /// Outputs × inputs, as the file has them.
  let original: (Site) throws -> Matrix
  /// What a treatment stores, and the values that decodes to.
  let treated: (Site, Treatment, CancellationFlag) throws -> (CompressedSite, Matrix)
}

extension InspectedWeights {
  init(_ store: WeightStore, _ compressor: SiteCompressor, _ pool: ComputePool) {
    self.init(
      original: { try store.weight($0.name) },
      treated: { site, treatment, cancellation in
        let made = try compressor.stored(
          site, under: treatment, on: pool, cancellation: cancellation)
        let values = try compressor.values(
          of: site, under: treatment, from: made, on: pool, cancellation: cancellation)
        return (made, values)
      })
  }
}

/// Looks at single sites' values; lives on the engine's thread.
final class SiteInspector {
  private let weights: InspectedWeights
  /// By site; no treatment changes them.
  private var spectra: [Int: WeightSpectrum] = [:]
  /// What was found of the sites looked at last.
  private var known: [Key: SiteInspection] = [:]

  private struct Key: Hashable {
    let site: Int
    let treatment: Treatment
  }

  /// Figures that are kept, each of a few kilobytes.
  private static let knownLimit = 128

  /// Bins of a histogram: more than a screen has columns.
  private static let binCount = 240

  /// Shares the weights of `session`.
  init(session: ModelSession) {
    weights = InspectedWeights(session.weights, session.compressor, session.pool)
  }

  init(_ weights: InspectedWeights) {
    self.weights = weights
  }

  /// For models that cannot be run.
  init(
    model: Model, calibration: (any CalibrationSource)?, pool: ComputePool, memoryByteCount: Int
  ) {
    let store = WeightStore(model: model, byteBudget: memoryByteCount / 4)
    weights = InspectedWeights(
      store,
      SiteCompressor(
        reference: store, calibration: calibration, byteBudget: memoryByteCount / 4), pool)
  }

  /// Calls `report` with the values' figures, and again once all of them are known.
  ///
  /// - Throws: `CancelledError`, and what treating the site throws.
  func inspect(
    _ site: Site, under treatment: Treatment, cancellation: CancellationFlag,
    report: (SiteInspection) -> Void
  ) throws {
    try BLAS.load()
    let key = Key(site: site.index, treatment: treatment)
    if let inspection = known[key] {
      report(inspection)
      return
    }
    let original = try weights.original(site)
    let limit = try Self.limit(of: original, cancellation)
    let before = try Self.histogram(original, limit: limit, cancellation)
    var plan = Plan()
    plan[site.name] = treatment
    var after: WeightHistogram?
    var distortion: Distortion?
    var stored: CompressedSite?
    if let change = plan.change(of: site) {
      let (made, values) = try weights.treated(site, change, cancellation)
      after = try Self.histogram(values, limit: limit, cancellation)
      distortion = try Self.distortion(original, values, cancellation)
      stored = made
    }
    var inspection = SiteInspection(
      siteIndex: site.index, treatment: treatment, before: before,
      shape: Self.shape(of: original), after: after, distortion: distortion,
      spectrum: spectra[site.index])
    report(inspection)
    if let stored { inspection.storage = StorageFigures(stored) }
    inspection.spectrum = try spectrum(of: site, cancellation: cancellation)
    if known.count >= Self.knownLimit { known.removeAll() }
    known[key] = inspection
    report(inspection)
  }

  /// The singular values of `site` as the file has it, computed once.
  func spectrum(of site: Site, cancellation: CancellationFlag) throws -> WeightSpectrum {
    if let found = spectra[site.index] { return found }
    let found = try WeightSpectrum(
      of: try weights.original(site), cancellation: cancellation)
    spectra[site.index] = found
    return found
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

  private static func shape(of matrix: Matrix) -> Double? {
    withExtendedLifetime(matrix) {
      GeneralizedGaussian(
        fitting: UnsafeBufferPointer(start: matrix.pointer, count: matrix.count))?.beta
    }
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
}
