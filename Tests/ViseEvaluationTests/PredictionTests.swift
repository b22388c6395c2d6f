import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

private struct NoLatency: LatencyPredicting {
  func latency(of plan: Plan) -> LatencyEstimate? { nil }
}

private func predictor(_ sample: SampleSession) throws -> PlanPredictor {
  try PlanPredictor(
    session: sample.session, tokens: sample.text.tokens, firstToken: sample.text.firstToken,
    cancellation: CancellationFlag())
}

private func measureMissing(_ predictor: PlanPredictor, _ plan: Plan) throws {
  for (site, treatment) in predictor.missingEffects(of: plan) {
    try predictor.measureEffect(of: site, under: treatment, cancellation: CancellationFlag())
  }
}

@Test func aSingleSiteIsPredictedAsItMeasures() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let flag = CancellationFlag()
  for role in [SiteRole.tokenEmbedding, .attentionValue, .ffnDown] {
    let site = try #require(sample.session.model.sites.first { $0.role == role })
    let plan = Plan(treatments: [site.name: Treatment(format: .ggml(.q3_K))])
    try measureMissing(predictor, plan)
    let predicted = try predictor.predict(plan, cancellation: flag).klMean.value
    let measured = try predictor.measureOnProbe(plan, cancellation: flag)
    // One shift, rounded to bfloat16 (relative 2⁻⁹), is all that separates the two.
    #expect(abs(predicted - measured) < 0.01 * measured + 1e-6, "\(role)")
  }
}

@Test func effectsThroughChangesAreThoseOfFullPasses() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  try #require(RoundedWeight.isFast == (predictor.probe.distributions != nil))
  let flag = CancellationFlag()
  var largest = 0.0
  for site in sample.session.model.sites where site.index % 3 == 0 {
    for format in [StorageType.q2_K, .q4_0, .q8_0] {
      let treatment = Treatment(format: .ggml(format))
      guard treatment.format != .ggml(site.stored), site.columns % format.blockLength == 0 else {
        continue
      }
      let fast = try predictor.measureEffect(of: site, under: treatment, cancellation: flag)
      let full = try predictor.measureOnProbe(
        Plan(only: site.name, treatment: treatment), cancellation: flag)
      #expect(fast.klMean.value > 0)
      // Full passes lose all below 10⁻⁷ to differences of large sums.
      largest = max(largest, abs(fast.klMean.value - full) / (full + 2e-5))
    }
  }
  // Products of changes are off by half a percent each, in either direction.
  #expect(largest < 0.01)
}

@Test func runningAPlanOnTheProbeIsWhatAFullPassMeasures() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let flag = CancellationFlag()
  var plan = Plan()
  for site in sample.session.model.sites where site.index % 2 == 0 && site.role != .tokenEmbedding {
    plan[site.name] = Treatment(format: .ggml(.q3_K))
  }
  try measureMissing(predictor, plan)
  let run = try predictor.run(plan, cancellation: flag).klMean
  let full = try predictor.measureOnProbe(plan, cancellation: flag)
  #expect(abs(run.value - full) < 0.01 * full)
  #expect(run.provenance == .predicted(tokens: predictor.scoredTokenCount))
  let interval = try #require(run.interval)
  #expect(interval.lower <= full && full <= interval.upper)
}

@Test func aPlanThatChangesNothingHasNoDivergence() throws {
  let predictor = try predictor(SampleSession(windows: 16))
  #expect(try predictor.predict(Plan(), cancellation: CancellationFlag()).klMean.value == 0)
}

@Test func withLittleMemoryEffectsAreFoundInFullPasses() throws {
  let sample = try SampleSession(windows: 16, memory: 20 << 20)
  let little = try predictor(sample)
  let much = try predictor(SampleSession(windows: 16))
  try #require(little.probe.distributions == nil)
  let site = try #require(sample.session.model.sites.first { $0.role == .ffnUp })
  let treatment = Treatment(format: .ggml(.q3_K))
  let effects = try [little, much].map {
    try $0.measureEffect(of: site, under: treatment, cancellation: CancellationFlag()).klMean.value
  }
  #expect(abs(effects[0] - effects[1]) < 0.02 * effects[0])
}

@Test func predictionsOrderRandomPlansAsMeasurementsDo() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let seed: UInt64 = 5
  let plans = PredictorStudy.plans(
    12, sites: sample.session.model.sites, formats: [.ggml(.q2_K), .ggml(.q3_K), .ggml(.q4_K)],
    seed: seed)
  var predicted: [Double] = []
  var measured: [Double] = []
  for plan in plans {
    try measureMissing(predictor, plan)
    predicted.append(try predictor.predict(plan, cancellation: CancellationFlag()).klMean.value)
    measured.append(try predictor.measureOnProbe(plan, cancellation: CancellationFlag()))
  }
  #expect(spearmanCorrelation(predicted, measured) > 0.95, "seed \(seed)")
}

@Test func theInstantFigureAgreesWithTheWholeHead() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let instant = predictor.instantPredictor(latency: NoLatency())
  var plan = Plan()
  for site in sample.session.model.sites where site.role != .tokenEmbedding {
    plan[site.name] = Treatment(format: .ggml(.q2_K))
  }
  #expect(instant.predict(plan).quality == nil, "nothing is known yet")
  try measureMissing(predictor, plan)
  let exact = try predictor.predict(plan, cancellation: CancellationFlag()).klMean.value
  let sampled = try #require(instant.predict(plan).quality).klMean
  // 32 stratified draws a row over 248 rows leave an error of a few per cent.
  #expect(abs(log(sampled.value / exact)) < 0.25)
  #expect(sampled.provenance == .predicted(tokens: predictor.scoredTokenCount))
}

/// KL over the drawn tokens for a change of features, one double-precision product a token.
private func drawnKL(_ head: SampledHead, _ change: Matrix) -> Double {
  var total = 0.0
  for (index, row) in head.rows.enumerated() {
    let shifts = (0..<SampledHead.drawsPerRow).map { draw in
      Kernels.dot(
        change.row(row), head.drawn.row(index * SampledHead.drawsPerRow + draw),
        count: change.columns)
    }
    let n = Double(shifts.count)
    let meanExponential = shifts.reduce(0) { $0 + exp($1) } / n
    total += (log(meanExponential) - shifts.reduce(0, +) / n) * n / (n - 1)
  }
  return total / Double(head.rows.count)
}

@Test func summedLogitShiftsGiveTheFigureOfSummedFeatureShifts() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let instant = predictor.instantPredictor(latency: NoLatency())
  var plan = Plan()
  for site in sample.session.model.sites where site.block == 1 {
    plan[site.name] = Treatment(format: .ggml(.q3_K))
  }
  try measureMissing(predictor, plan)
  let change = Matrix(
    rows: predictor.probe.features.rows, columns: predictor.probe.features.columns)
  change.pointer.update(repeating: 0, count: change.count)
  var alone = 0.0
  for site in sample.session.model.sites where site.block == 1 {
    let effect = try #require(
      predictor.effects.measured(site: site.index, treatment: Treatment(format: .ggml(.q3_K))))
    effect.shift.add(to: change.pointer, factor: 1)
    alone += effect.klMean
  }
  let slow = (drawnKL(predictor.probe.sampledHead, change) * alone).squareRoot()
  let fast = try #require(instant.predict(plan).quality).klMean.value
  // The features' shifts were rounded to bfloat16 (relative 2⁻⁹), those of the logits were not.
  #expect(abs(fast - slow) < 0.01 * slow)
}

@Test func aRememberedFigureGivesWayToNewlyMeasuredEffects() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let instant = predictor.instantPredictor(latency: NoLatency())
  let sites = sample.session.model.sites.filter { $0.role == .ffnUp }
  let plan = Plan(
    treatments: [
      sites[0].name: Treatment(format: .ggml(.q2_K)),
      sites[1].name: Treatment(format: .ggml(.q2_K)),
    ])
  #expect(instant.predict(plan).quality == nil)
  try predictor.measureEffect(
    of: sites[1], under: Treatment(format: .ggml(.q2_K)), cancellation: CancellationFlag())
  let prior = try #require(instant.predict(plan).quality)
  #expect(prior.klMean.provenance == .prior)
  #expect(instant.predict(plan).quality == prior)
  try predictor.measureEffect(
    of: sites[0], under: Treatment(format: .ggml(.q2_K)), cancellation: CancellationFlag())
  let known = try #require(instant.predict(plan).quality)
  #expect(known.klMean.provenance == .predicted(tokens: predictor.scoredTokenCount))
  let fresh = predictor.instantPredictor(latency: NoLatency())
  #expect(try #require(fresh.predict(plan).quality) == known)
}

@Test func takingEditsBackLeavesNothingBehind() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let instant = predictor.instantPredictor(latency: NoLatency())
  let sites = sample.session.model.sites.filter { $0.block == 1 }
  var plan = Plan()
  for site in sites { plan[site.name] = Treatment(format: .ggml(.q4_K)) }
  try measureMissing(predictor, plan)
  let before = try #require(instant.predict(plan).quality).klMean.value
  var edited = plan
  edited[sites[0].name] = .keep
  _ = instant.predict(edited)
  let after = try #require(instant.predict(plan).quality).klMean.value
  #expect(abs(before - after) < 1e-9 * before)
  #expect(try #require(instant.predict(Plan()).quality).klMean.value == 0)
}

@Test func unknownEffectsAreMarkedAsPrior() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let instant = predictor.instantPredictor(latency: NoLatency())
  let sites = sample.session.model.sites.filter { $0.role == .ffnUp }
  try predictor.measureEffect(
    of: sites[0], under: Treatment(format: .ggml(.q4_K)), cancellation: CancellationFlag())
  let other = Plan(treatments: [sites[1].name: Treatment(format: .ggml(.q4_K))])
  #expect(try #require(instant.predict(other).quality).klMean.provenance == .prior)
  let finer = Plan(treatments: [sites[0].name: Treatment(format: .ggml(.q2_K))])
  let coarse = try #require(instant.predict(finer).quality).klMean
  #expect(coarse.provenance == .prior)
  let measured = Plan(treatments: [sites[0].name: Treatment(format: .ggml(.q4_K))])
  #expect(coarse.value > (try #require(instant.predict(measured).quality).klMean.value))
}

@Test func onceAPlanIsMeasuredItsNeighboursAreSharp() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let instant = predictor.instantPredictor(latency: NoLatency())
  let evaluator = PlanEvaluator(session: sample.session, text: sample.text)
  let evaluation = EngineEvaluation(
    model: sample.session.model, predictor: predictor, instant: instant, evaluator: evaluator
  ) { _ in }
  let sites = sample.session.model.sites.filter { $0.block == 1 }
  var plan = Plan()
  for site in sites { plan[site.name] = Treatment(format: .ggml(.q3_K)) }
  var wishes = EngineInbox.Wishes()
  (wishes.plan, wishes.revision) = (plan, 1)
  try measureMissing(predictor, plan)
  let before = try #require(instant.predict(plan).quality).klMean
  #expect(before.trust == .method(trials: 0))
  // A prediction, eight rounds of two windows, and what is learned of half and all of them.
  for _ in 0..<11 { _ = try evaluation.step(wishes, cancellation: CancellationFlag()) }
  var edited = plan
  let change = try #require(sites.first { $0.role == .attentionKey })
  edited[change.name] = .keep
  let after = try #require(instant.predict(edited).quality).klMean
  #expect(after.trust == .neighbour)
  let interval = try #require(after.interval)
  let scores = try evaluator.measure(edited, windows: 0..<16, cancellation: CancellationFlag())
  let measured = MeasuredQuality(scores, windowLength: 64).klMean.mean
  #expect(interval.lower < measured && measured < interval.upper)
  let wide = try #require(before.interval)
  #expect(interval.upper / interval.lower < 0.7 * wide.upper / wide.lower)
}

@Test func optionsBetweenTwoKnownOnesLieOnTheirLine() throws {
  let sample = try SampleSession(windows: 16)
  let site = try #require(sample.session.model.sites.first { $0.role == .ffnUp })
  func effect(_ kl: Double) -> SiteEffect {
    SiteEffect(
      shift: FeatureShift(words: []), drawnShifts: [], kl: MeanInterval(mean: kl, interval: nil))
  }
  func noise(_ bits: Int) throws -> Double {
    let format = try #require(NumberFormat(name: "int\(bits):g64"))
    return log(Treatment(format: format).expectedNoise(for: site.shape))
  }
  func treatment(_ bits: Int) -> Treatment {
    Treatment(format: NumberFormat(name: "int\(bits):g64"))
  }
  let effects = SiteEffects(standing: [], capacity: 8)
  let law = { (bits: Int) in exp(0.7 * (try noise(bits)) - 1) }
  for bits in [3, 6] {
    effects.insert(effect(try law(bits)), site: site, treatment: treatment(bits))
  }
  for bits in [2, 4, 5, 8] {
    guard case .interpolated(let from, let factor) = effects.known(site, treatment(bits)) else {
      Issue.record("\(bits) bits are not interpolated")
      continue
    }
    let found = from.klMean * Double(factor) * Double(factor)
    #expect(abs(log(found / (try law(bits)))) < 1e-5, "\(bits) bits")
  }
}

/// What goes with a site's channels is that site's effect, not one of the layers that make them.
@Test func prunedChannelsAreOneEffectAndPredictedAsTheyMeasure() throws {
  let sample = try SampleSession(windows: 16)
  let predictor = try predictor(sample)
  let plan = Plan(treatments: [
    "blk.3.ffn_down.weight": Treatment(sparsity: Sparsity(ratio: 0.25, pattern: .channels)),
    "blk.1.attn_k.weight": Treatment(format: .ggml(.q4_0)),
  ])
  #expect(
    predictor.missingEffects(of: plan).map(\.0.name)
      == ["blk.1.attn_k.weight", "blk.3.ffn_down.weight"])
  try measureMissing(predictor, plan)
  let predicted = try predictor.predict(plan, cancellation: CancellationFlag()).klMean.value
  let measured = try predictor.measureOnProbe(plan, cancellation: CancellationFlag())
  #expect(measured > 0)
  #expect(abs(predicted - measured) < 0.2 * measured)
}
