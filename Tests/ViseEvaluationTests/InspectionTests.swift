import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

private func inspect(
  _ model: Model, _ site: Site, _ treatment: Treatment
) throws -> [SiteInspection] {
  let inspector = SiteInspector(
    model: model, calibration: nil, pool: ComputePool(threadCount: 2), memoryByteCount: 1 << 30)
  var reports: [SiteInspection] = []
  try inspector.inspect(site, under: treatment, cancellation: CancellationFlag()) {
    reports.append($0)
  }
  return reports
}

private func sampleModel() throws -> Model {
  try Model(path: SampleSession.folder.appending(path: "story-lm-f16.gguf").path)
}

@Test func inspectionAgreesWithPlainCodeOnTheSameValues() throws {
  let model = try sampleModel()
  let site = try #require(model.sites.first { $0.role == .ffnDown })
  let treatment = Treatment(format: .ggml(.q4_0))
  let last = try #require(try inspect(model, site, treatment).last)
  let original = try model.decodeWeight(site.name).values
  #expect(last.before.count == original.count)
  #expect(last.before.bins.reduce(0, +) + last.before.zeroCount == original.count)
  let outside = original.count { Double(abs($0)) > last.before.limit }
  #expect(last.before.outsideCount == outside)
  let work = RowWork(pool: nil)
  let encoded = try GGMLCodec(type: .q4_0).encode(
    Matrix(rows: site.rows, columns: site.columns, values: original), importance: nil, work: work)
  let treated = try GGMLCodec(type: .q4_0).decode(encoded, work: work).values
  let noise = zip(original, treated).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
  let signal = original.reduce(0.0) { $0 + Double($1) * Double($1) }
  let distortion = try #require(last.distortion)
  #expect(abs(distortion.normalizedError / (noise / signal) - 1) < 1e-4)
  // The moments' ratio that the fitted shape stands for.
  let magnitude = original.reduce(0.0) { $0 + Double(abs($1)) } / Double(original.count)
  let ratio = magnitude * magnitude / (signal / Double(original.count))
  let beta = try #require(last.shape)
  let expected = exp(2 * lgamma(2 / beta) - lgamma(1 / beta) - lgamma(3 / beta))
  #expect(abs(ratio - expected) < 1e-6)
  let after = try #require(last.after)
  #expect(after.zeroCount == treated.count { $0 == 0 })
}

@Test func spectrumFollowsTheFiguresAndHoldsAllOfTheWeightsPower() throws {
  let model = try sampleModel()
  let site = try #require(model.sites.first { $0.role == .attentionQuery })
  let reports = try inspect(model, site, .keep)
  #expect(reports.map { $0.spectrum == nil } == [true, false])
  let first = try #require(reports.first)
  #expect(first.after == nil && first.distortion == nil)
  let spectrum = try #require(reports.last?.spectrum)
  #expect(spectrum.values.count == min(site.rows, site.columns))
  #expect(zip(spectrum.values, spectrum.values.dropFirst()).allSatisfy { $0 >= $1 })
  let power = try model.decodeWeight(site.name).values.reduce(0.0) { $0 + Double($1) * Double($1) }
  let sum = spectrum.values.reduce(0.0) { $0 + Double($1) * Double($1) }
  #expect(abs(sum / power - 1) < 1e-3)
  let exact = try LinearAlgebra.svd(try model.decodeWeight(site.name)).s
  #expect(abs(spectrum.values[0] / exact[0] - 1) < 1e-3)
}

@Test func cancelledInspectionReportsNothing() throws {
  let model = try sampleModel()
  let inspector = SiteInspector(
    model: model, calibration: nil, pool: ComputePool(threadCount: 1), memoryByteCount: 1 << 30)
  let flag = CancellationFlag()
  flag.cancel()
  #expect(throws: CancelledError.self) {
    try inspector.inspect(model.sites[0], under: .keep, cancellation: flag) { _ in
      Issue.record("something was reported")
    }
  }
}

@Test func codesAreCodedAfterTheFiguresAndRememberedFiguresComeAtOnce() throws {
  let model = try sampleModel()
  let site = try #require(model.sites.first { $0.role == .ffnDown })
  let inspector = SiteInspector(
    model: model, calibration: nil, pool: ComputePool(threadCount: 2), memoryByteCount: 1 << 30)
  let treatment = try #require(Treatment(name: "int4:g64"))
  var reports: [SiteInspection] = []
  for _ in 0..<2 {
    try inspector.inspect(site, under: treatment, cancellation: CancellationFlag()) {
      reports.append($0)
    }
  }
  #expect(reports.map { $0.storage == nil } == [true, false, false])
  #expect(reports[1] == reports[2])
  let coded = try #require(reports[1].storage?.coded)
  #expect(coded.plainByteCount == treatment.byteCount(for: site))
  #expect(coded.codedByteCount < coded.plainByteCount)
  #expect(Double(coded.codedCodeBytes) > coded.entropy * Double(coded.codeCount) / 8)
}

@Test func ranksOfAllValuesAreThoseOfTheWeightAndOfASampleItsShare() throws {
  let model = try sampleModel()
  let site = try #require(model.sites.first { $0.role == .ffnDown })
  let weight = try model.decodeWeight(site.name)
  let full = min(site.rows, site.columns)
  let exact = try LinearAlgebra.svd(weight).s
  let whole = try WeightSpectrum(of: weight, cancellation: CancellationFlag())
  for rule in [RankRule.energy(0.9), .energy(0.5), .fixed(9)] {
    let expected = rule.rank(of: exact, rows: site.rows, columns: site.columns)
    #expect(whole.rank(rule, of: full) == expected)
  }
  let sampled = try WeightSpectrum(
    of: weight, orderLimit: full / 4, lengthLimit: 200, cancellation: CancellationFlag())
  #expect(sampled.isSampled && sampled.values.count == full / 4)
  let found = RankRule.energy(0.9).rank(of: sampled.values, rows: 1, columns: 1)
  #expect(sampled.rank(.energy(0.9), of: full) == found * 4)
  #expect(sampled.rank(.fixed(9), of: full) == 9)
}
