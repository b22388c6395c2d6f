import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

@Test(arguments: ["split84:k64:g128", "split84:k8:g32:asym", "split63:k100:channel:minmax"])
func splitNamesReadBackAndBytesAreThoseOfBothParts(name: String) throws {
  let format = try #require(NumberFormat(name: name))
  #expect(format.name == name)
  guard case .split(let split) = format else {
    Issue.record("\(name) is no split format")
    return
  }
  let bytes = try #require(format.byteCount(rows: 12, columns: 256))
  let first = try #require(
    NumberFormat.integer(split.first).byteCount(rows: 12, columns: split.high))
  let rest = try #require(
    NumberFormat.integer(split.rest).byteCount(rows: 12, columns: 256 - split.high))
  #expect(bytes == first + rest)
  let encoded = try split.encode(
    testWeight(rows: 12, columns: 256, seed: 31), importance: nil, work: work)
  #expect(encoded.byteCount == bytes)
  #expect(format.misfit(columns: split.high) != nil)
}

@Test(
  arguments: [
    "split84", "split8:k4", "split19:k4", "split84:g32", "split84:k0", "split84:k4:tensor",
  ])
func namesOfNoSplitAreRefused(name: String) {
  #expect(NumberFormat(name: name) == nil)
}

@Test func splitValuesAreThoseOfTheTwoFormats() throws {
  let weight = testWeight(rows: 6, columns: 96, seed: 32)
  let format = try #require(NumberFormat(name: "split84:k32:g16"))
  let values = try format.codec.decode(
    format.codec.encode(weight, importance: nil, work: work), work: work)
  for (name, range) in [("int8:g16", 0..<32), ("int4:g16", 32..<96)] {
    let part = try #require(NumberFormat(name: name)).codec
    let alone = try part.decode(
      part.encode(weight.columns(range), importance: nil, work: work), work: work)
    #expect(values.columns(range).values == alone.values)
  }
}

@Test func feedbackRunsFromTheFirstColumnsToTheRest() throws {
  let inputs = SolverInputs(tokens: 128, columns: 96, seed: 33)
  let weight = testWeight(rows: 16, columns: 96, seed: 34)
  func error(_ name: String, _ method: Method) throws -> Double {
    let format = try #require(NumberFormat(name: name))
    let statistics = SiteCalibration(
      tokenCount: 128, secondMoment: inputs.secondMoment, mean: [Float](repeating: 0, count: 96),
      minimum: [Float](repeating: -1, count: 96), maximum: [Float](repeating: 1, count: 96))
    let site = Site(
      index: 0, name: "w", role: .ffnUp, block: 0, rows: 16, columns: 96, stored: .f32)
    let compressed = try SiteCompression(
      treatment: Treatment(format: format, method: method),
      calibration: OneSite(site: statistics), factors: InputFactorCache(), work: work
    ).compress(weight, site: site)
    return inputs.outputError(try compressed.values(), weight)
  }
  // Equal bits in both parts are one sweep, up to where groups begin.
  let whole = try error("int4:g16", .gptq)
  let split = try error("split44:k32:g16", .gptq)
  #expect(abs(split - whole) < 0.02 * whole)
  #expect(try error("split43:k32:g16", .gptq) < 0.8 * error("split43:k32:g16", .roundToNearest))
}

private struct OneSite: CalibrationSource {
  let identity = "one site"
  let site: SiteCalibration
  func statistics(of site: Site) throws -> SiteCalibration? { self.site }
}
