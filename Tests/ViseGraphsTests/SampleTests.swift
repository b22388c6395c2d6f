import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private let samples = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "SampleModels")

private let names = ["resnet20-fashion", "mlp-fashion", "lstm-fashion", "vit-fashion"]

private func model(_ name: String) throws -> GraphModel {
  try GraphModel(path: samples.appending(path: "\(name)/\(name).onnx").path)
}

/// The first eight test images, with the logits ONNX Runtime 1.32.0 makes of them.
@Test(arguments: names)
func samplesAgreeWithONNXRuntime(name: String) throws {
  let modelCase = try ModelCase(folder: samples.appending(path: "\(name)/case").path)
  let comparisons = try modelCase.compare(
    model(name).program(), tolerance: ModelCase.Tolerance(relative: 1e-4, absolute: 1e-4),
    context: context)
  #expect(comparisons.count == 1)
  for comparison in comparisons { #expect(comparison.matches, "\(comparison)") }
}

@Test(arguments: names)
func samplesAreSmallAndAllTheirLayersCanBeTreated(name: String) throws {
  let model = try model(name)
  #expect(model.source.byteCount < 4_000_000 && model.unsupportedOperators.isEmpty)
  #expect(!model.sites.isEmpty && model.sites.allSatisfy(\.isTreatable))
}

/// Sizes are counted without making the file; they are those of the file all the same.
@Test(arguments: names)
func countedSizesAreThoseOfTheWrittenFile(name: String) throws {
  let model = try model(name).foldingNormalizations()
  let sizes = try GraphSizes(model)
  let treatments = [
    "int8:channel", "int4:channel", "int5:channel:asym", "int4", "q4_K", "int3:channel", "rank=4",
    "rank=4 format=int8:channel", "prune=0.5 format=int4:channel", "int4:g16", "prune=0.5",
    "structure=cp:40%", "structure=ht:50%", "structure=tt:40% format=int8:channel",
  ].compactMap { Treatment(name: $0) }
  #expect(treatments.count == 14)
  var mixed = Plan()
  for (index, site) in model.sites.enumerated() {
    mixed[site.site.name] = treatments[index % treatments.count]
  }
  let plans =
    [Plan(), mixed]
    + treatments.map { treatment in
      var plan = Plan()
      for site in model.sites where treatment.problem(for: site.site) == nil {
        plan[site.site.name] = treatment
      }
      return plan
    }
  for plan in plans {
    var plan = plan
    for site in model.sites where plan[site.site.name].problem(for: site.site) != nil {
      plan[site.site.name] = .keep
    }
    let planned = try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
    #expect(sizes.isExact(plan))
    #expect(sizes.byteCount(of: plan) == (try ONNXWriter.byteCount(of: planned.model)))
  }
}

@Test func quantizedInputsAreNoExactSize() throws {
  let model = try model("mlp-fashion")
  let sizes = try GraphSizes(model)
  var plan = Plan()
  plan[model.sites[0].site.name] = try #require(Treatment(name: "format=int8:channel inputs=int8"))
  #expect(!sizes.isExact(plan))
}

/// Gates of one direction are codes with a scale a row, which decode to the treatment's own values but
/// for those being rounded to half floats.
@Test func gatesAreStoredAsCodes() throws {
  let model = try model("lstm-fashion")
  var plan = Plan()
  for site in model.sites { plan[site.site.name] = try #require(Treatment(name: "int8:channel")) }
  let planned = try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
  #expect(planned.notes.isEmpty)
  let stored = Dictionary(
    uniqueKeysWithValues: planned.model.graph.initializers.map { ($0.name, $0) })
  for site in model.sites {
    let name = site.site.name
    let codes = try #require(stored["\(name)/codes"]?.tensor).values(Int8.self)
    let scales = try #require(stored["\(name)/scales"]?.tensor).values(Float.self)
    #expect(scales.count == site.site.rows && codes.count == site.site.parameterCount)
    let values = try GraphWeights(model).treated(
      site, under: plan[name], calibration: nil, work: RowWork(pool: nil)
    ).values
    var difference: Float = 0
    for index in codes.indices {
      let value = Float(codes[index]) * scales[index / site.site.columns]
      difference = max(difference, abs(value - values.pointer[index]) / max(abs(value), 1e-4))
    }
    #expect(difference <= 0x1p-11)
  }
  #expect(planned.model.graph.nodes.count == model.source.graph.nodes.count + model.sites.count)
}

/// Multiplications are counted without running the plan; they are those of a run.
@Test(arguments: names)
func countedMultiplicationsAreThoseOfARun(name: String) throws {
  let model = try model(name).foldingNormalizations()
  let input = try #require(
    try ModelCase(folder: samples.appending(path: "\(name)/case").path).inputs.first)
  let prior = try GraphTimePrior(model, input: input, context: context)
  #expect(prior.macs(of: Plan()) == prior.macs && prior.macs > 0)
  let treatments = [
    "structure=cp:40%", "rank=4", "structure=tucker:50%", "prune=0.5 pattern=channels",
    "structure=separable:50%", "structure=tt:50%", "int8:channel",
  ].compactMap { Treatment(name: $0) }
  for first in treatments.indices {
    var plan = Plan()
    for (index, site) in model.sites.enumerated() {
      let treatment = treatments[(first + index) % treatments.count]
      if treatment.problem(for: site.site) == nil { plan[site.site.name] = treatment }
    }
    let planned = try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
    let cost = try GraphCost(planned.model, input: input, context: context)
    #expect(prior.macs(of: plan) == cost.macs)
  }
}
