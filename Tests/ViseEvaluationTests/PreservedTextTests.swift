import Foundation
import Testing
import ViseCompression
import ViseModels
import ViseTensor

@testable import ViseEvaluation

private let sampleText = SampleSession.folder.appending(path: "calib.txt").path

@Test(arguments: [(8, 1, 0.5, 8), (8, 3, 0.25, 1), (4, 2, 0.9, 18), (2, 50, 0.5, 1)])
func preservedWindowsAreRepeatedToTheirShare(
  own: Int, other: Int, share: Double, repetitions: Int
) {
  let text = EvaluationText(
    tokens: (0..<Int32(own * 8 + 3)).map { $0 }, windowLength: 8, firstToken: 1)
  let preserved = EvaluationText(
    tokens: (0..<Int32(other * 8 + 5)).map { 1000 + $0 }, windowLength: 8, firstToken: 1)
  let mixed = PreservedText(preserved, in: text, share: share)
  #expect(mixed.repetitions == repetitions)
  #expect(mixed.text.windowCount == own + repetitions * other)
  #expect(mixed.share == Double(repetitions * other) / Double(mixed.text.windowCount))
  for window in 0..<mixed.text.windowCount {
    let expected =
      window < own ? text.window(window) : preserved.window((window - own) % other)
    #expect(mixed.text.window(window) == expected)
  }
}

/// Statistics of both texts are the mean of each text's, by share; and solvers that read them leave
/// the preserved inputs with less error than without.
@Test func sharedStatisticsAreTheWeighedMeanAndProtectThePreservedText() throws {
  let sample = try SampleSession(windows: 6, windowLength: 32)
  let loader = TextLoader(model: sample.session.model)
  let tokens = try loader.load(path: sampleText, windowLength: 32, limit: 3200).tokens
  let preserved = EvaluationText(
    tokens: Array(tokens.suffix(64)), windowLength: 32, firstToken: sample.text.firstToken)
  let mixed = PreservedText(preserved, in: sample.text, share: 0.75)
  #expect(mixed.repetitions == 9)
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-preserve-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let site = try #require(sample.session.model.sites.first { $0.role == .ffnDown })
  func statistics(_ text: EvaluationText, _ name: String) throws -> SiteCalibration {
    let path = folder.appending(path: name).path
    _ = try CalibrationCollector(
      session: sample.session, text: text,
      settings: .init(path: path, sumsByteCount: 1 << 30, source: name)
    ).run(cancellation: CancellationFlag())
    return try #require(
      try CalibrationFile(path: path, model: sample.session.model).statistics(of: site))
  }
  let (own, other, both) = (
    try statistics(sample.text, "own"), try statistics(preserved, "other"),
    try statistics(mixed.text, "both")
  )
  for column in 0..<site.columns {
    let expected = 0.25 * own.diagonal[column] + 0.75 * other.diagonal[column]
    #expect(abs(both.diagonal[column] - expected) <= 1e-4 * expected + 1e-12)
  }
  let weight = try sample.session.model.decodeWeight(site.name)
  let format = try #require(NumberFormat(name: "int3:g32"))
  func error(_ statistics: SiteCalibration) throws -> Double {
    let made = try SiteCompression(
      treatment: Treatment(format: format, method: .gptq),
      calibration: FixedStatistics(site: statistics), factors: InputFactorCache(),
      work: RowWork(pool: nil)
    ).compress(weight, site: site)
    return QuadraticError.outputError(
      of: try made.values(), from: weight, secondMoment: other.secondMoment)
  }
  #expect(try error(both) < 0.9 * error(own))
}

private struct FixedStatistics: CalibrationSource {
  let identity = "fixed"
  let site: SiteCalibration
  func statistics(of site: Site) throws -> SiteCalibration? { self.site }
}
