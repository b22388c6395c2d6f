import Testing
import ViseCompression
import ViseTensor

private let sharedCases = Result { try PruningCases(rows: 34, columns: 256, seed: 41) }

/// Formats that store zero exactly, each with the methods that must keep pruned weights there.
private let exact: [String] = [
  "f16", "bf16", "q4_0", "q4_0 method=gptq", "q5_0", "q8_0", "q3_K", "q6_K", "q6_K method=gptq",
  "mxfp4", "tq2_0", "tq1_0", "int4:g32", "int4:g32 method=rtn", "int4:g32 method=gptq",
  "int4:g32 method=gptq_act_order", "int4:g32:asym method=gptq", "int4:g32 method=weighted",
  "int4:g32 method=comq", "nf4",
  "nf4 method=gptq",
]

@Test(arguments: exact, ["prune=0.5", "pattern=2:4"])
func prunedWeightsAreZeroInEveryFormatThatHasOne(format: String, sparsity: String) throws {
  let cases = try sharedCases.get()
  let name =
    format.contains("method=")
    ? "\(sparsity) format=\(format.replacing("method=", with: "method=sparsegpt+"))"
    : "\(sparsity) format=\(format) method=sparsegpt"
  let decoded = try cases.compress(name).values()
  defer { withExtendedLifetime(decoded) {} }
  // Rounding may make more zeros, never fewer.
  #expect(decoded.values.count { $0 == 0 } >= 34 * 128)
  guard sparsity == "pattern=2:4" else { return }
  for row in 0..<34 {
    let values = UnsafeBufferPointer(start: decoded.row(row), count: 256)
    #expect(
      stride(from: 0, to: 256, by: 4).allSatisfy { first in
        values[first..<first + 4].count { $0 == 0 } >= 2
      })
  }
}

@Test(arguments: ["q4_1", "q4_K", "q2_K", "iq4_nl"])
func formatsWithoutAZeroStorePrunedWeightsNearIt(format: String) throws {
  let cases = try PruningCases(rows: 16, columns: 256, seed: 42)
  let pruned = try cases.prune(.magnitude, Sparsity(ratio: 0.5))
  let values = try cases.compress("prune=0.5 format=\(format) method=magnitude").values()
  var (removed, kept) = (0.0, 0.0)
  for row in 0..<16 {
    for column in 0..<256 {
      let value = Double(abs(values.row(row)[column]))
      if pruned.mask[row, column] { kept += value } else { removed += value }
    }
  }
  #expect(removed < 0.2 * kept)
}

@Test(arguments: ["int4:g32", "q4_0", "q4_K"])
func feedbackMakesUpForPrunedWeightsToo(format: String) throws {
  let cases = try PruningCases(rows: 48, columns: 256, seed: 43)
  func error(_ methods: String) throws -> Double {
    cases.error(try cases.compress("prune=0.5 format=\(format) method=\(methods)").values())
  }
  let plain = try error("sparsegpt+rtn")
  let feedback = try error("sparsegpt+gptq")
  #expect(feedback < 0.8 * plain)
  #expect(try error("wanda+gptq") < 0.8 * error("wanda+rtn"))
}

@Test func withoutCalibrationMagnitudesDecideAndWithItSparseGPT() throws {
  let cases = try PruningCases(rows: 32, columns: 256, seed: 44)
  func same(_ a: String, _ b: String, calibrated: Bool) throws -> Bool {
    try cases.compress(a, calibrated: calibrated).values().values
      == cases.compress(b, calibrated: calibrated).values().values
  }
  #expect(try same("prune=0.5", "prune=0.5 method=magnitude", calibrated: false))
  #expect(try same("prune=0.5", "prune=0.5 method=sparsegpt", calibrated: true))
  #expect(try !same("prune=0.5", "prune=0.5 method=magnitude", calibrated: true))
  #expect(throws: CompressionError.needsCalibration(method: "wanda")) {
    try cases.compress("prune=0.5 method=wanda", calibrated: false)
  }
}
