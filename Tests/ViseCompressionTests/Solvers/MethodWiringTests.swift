import Testing
import ViseCompression
import ViseTensor

/// The same statistics for every site.
private struct FixedCalibration: CalibrationSource {
  let site: SiteCalibration

  var identity: String { "fixed" }

  func statistics(of site: Site) throws -> SiteCalibration? { self.site }
}

private func compressed(
  _ name: String, _ weight: Matrix, inputs: SolverInputs?
) throws -> Matrix {
  let site = Site(
    index: 0, name: "w", role: .ffnUp, block: 0, rows: weight.rows, columns: weight.columns,
    stored: .f16)
  let calibration = inputs.map { inputs in
    FixedCalibration(
      site: SiteCalibration(
        tokenCount: inputs.tokens.rows, secondMoment: inputs.secondMoment, mean: inputs.mean,
        minimum: inputs.mean, maximum: inputs.mean))
  }
  let treatment = try #require(Treatment(name: name))
  return try SiteCompression(
    treatment: treatment, calibration: calibration, factors: InputFactorCache(),
    work: RowWork(pool: nil)
  ).compress(weight, site: site).values()
}

@Test func plansReachOutputRangesCoordinateDescentAndHalfQuadraticOffsets() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 96, columns: 64, seed: 111)
  let weight = testWeight(rows: 10, columns: 64, seed: 112)
  let weighed = try compressed("format=int3:g32 method=weighted", weight, inputs: inputs)
  let descended = try compressed("format=int3:g32 method=comq", weight, inputs: inputs)
  #expect(inputs.outputError(descended, weight) < 0.8 * inputs.outputError(weighed, weight))
  let ranged = try compressed("format=int3:g32 method=output_mse", weight, inputs: inputs)
  #expect(inputs.outputError(ranged, weight) < inputs.outputError(weighed, weight))
  let half = try compressed("format=aff4:g32 method=hqq", weight, inputs: nil)
  let solver = HalfQuadratic(format: OffsetFormat(bits: 4, granularity: .group(32)))
  let direct = try solver.format.decode(
    try solver.encode(weight, work: RowWork(pool: nil)), work: RowWork(pool: nil))
  #expect(half.values == direct.values)
}

@Test func methodsAreRefusedWhereTheyFillNothing() throws {
  func problem(_ name: String) throws -> String? {
    try #require(Treatment(name: name)).problem(for: WeightShape(rows: 8, columns: 64))
  }
  #expect(try problem("format=int4:g32:asym method=comq") == "comq does not fill int4:g32:asym")
  #expect(try problem("format=int4:g32 method=hqq") == "hqq does not fill int4:g32")
  #expect(try problem("format=vq8d4 method=gptq") == "gptq does not fill vq8d4:channel")
  let weight = testWeight(rows: 4, columns: 64, seed: 113)
  #expect(throws: CompressionError.needsCalibration(method: "comq")) {
    try compressed("format=int4:g32 method=comq", weight, inputs: nil)
  }
}

/// eᵀHe of each row.
private func rowErrors(_ values: Matrix, _ weight: Matrix, _ inputs: SolverInputs) -> [Double] {
  (0..<weight.rows).map { row in
    inputs.outputError(values.rows(row..<row + 1), weight.rows(row..<row + 1))
  }
}

@Test(
  arguments: ["int2:g32", "int3:g32", "int4:g64:asym", "int4:channel", "iq2_XXS", "iq1_M", "iq3_S"])
func refittingScalesRaisesNoRowsErrorAndLowersTheSum(format: String) throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 320, columns: 256, seed: 114)
  let weight = testWeight(rows: 24, columns: 256, seed: 115)
  let published = rowErrors(
    try compressed("format=\(format) method=gptq", weight, inputs: inputs), weight, inputs)
  let best = rowErrors(try compressed(format, weight, inputs: inputs), weight, inputs)
  for (before, after) in zip(published, best) { #expect(after <= before * (1 + 1e-5)) }
  #expect(best.reduce(0, +) < published.reduce(0, +))
}

@Test func pricedRoundingIsReachedAndItsCodesTakeFewerBytes() throws {
  try BLAS.load()
  let weight = testWeight(rows: 64, columns: 256, seed: 116)
  let site = Site(
    index: 0, name: "w", role: .ffnUp, block: 0, rows: 64, columns: 256, stored: .f16)
  func made(_ method: String) throws -> CompressedSite {
    try SiteCompression(
      treatment: try #require(Treatment(name: "format=int4:g64 method=\(method)")),
      calibration: nil, factors: InputFactorCache(), work: RowWork(pool: nil)
    ).compress(weight, site: site)
  }
  let (plain, priced) = (try made("rtn"), try made("rate"))
  #expect(plain.byteCount == priced.byteCount)
  let sizes = try [plain, priced].map { try #require($0.codedSize).codedCodeBytes }
  #expect(sizes[1] < sizes[0])
  func error(_ site: CompressedSite) throws -> Double {
    withExtendedLifetime((weight, try site.values())) {
      Distortion(original: $0.pointer, treated: $1.pointer, count: $0.count).normalizedError
    }
  }
  let (rounded, cheaper) = (try error(plain), try error(priced))
  #expect(cheaper > rounded && cheaper < 1.5 * rounded)
}
