import Foundation
import Testing
import ViseCompression
import ViseDevices
import ViseFormats
import ViseModels
import ViseTensor

private let sample = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "SampleModels/story-lm/story-lm-f16.gguf").path

private func plan(_ text: String, _ model: Model) throws -> Plan {
  try PlanFile(text: "version = 1\n[sites]\n\(text)", sites: model.sites).plan
}

@Test func theSampleIsReadOnceATokenInHalves() throws {
  let model = try Model(path: sample)
  let workload = try DeviceWorkload(model: model, plan: try plan("", model))
  let program = try model.program.get()
  #expect(workload.attentions.count == program.configuration.blockCount)
  #expect(workload.products.count == 7 * program.configuration.blockCount + 1)
  #expect(workload.products.allSatisfy { $0.stored == .float16 })
  #expect(workload.products.allSatisfy { $0.byteCount == $0.rows * $0.columns * 2 })
  #expect(workload.products.filter(\.isLastTokenOnly).map(\.rows) == [4096])
  let stored = model.checkpoint.tensors.reduce(0) { $0 + $1.byteCount }
  #expect(workload.weightByteCount == stored)
}

@Test func aPlanChangesBytesAndWidths() throws {
  let model = try Model(path: sample)
  let workload = try DeviceWorkload(
    model: model, plan: try plan("\"blk.*.ffn_*.weight\" = \"q4_K\"", model))
  let four = workload.products.filter { $0.stored == .integer4 }
  #expect(four.count == 18)
  // 4.5 bits a weight.
  #expect(four.allSatisfy { $0.byteCount == $0.rows * $0.columns * 9 / 16 })
}

@Test func aLowRankSiteIsTwoProducts() throws {
  let model = try Model(path: sample)
  let workload = try DeviceWorkload(
    model: model,
    plan: try plan("\"blk.0.ffn_up.weight\" = { rank = 32, format = \"q8_0\" }", model))
  let factors = workload.products.filter { $0.stored == .integer8 }
  #expect(factors.map(\.rows).sorted() == [32, 768])
  #expect(factors.map(\.columns).sorted() == [32, 256])
}

@Test(arguments: [
  ("q4_0", StoredWidth.integer4), ("q6_K", .integer8), ("q8_0", .integer8), ("f16", .float16),
  ("int4:g128", .integer4), ("int8:g128", .integer8), ("nf4", .table), ("iq4_NL", .integer8),
])
func formatsAreSeenAsWhatUnitsMultiply(name: String, width: StoredWidth) throws {
  #expect(StoredWidth(try #require(NumberFormat(name: name))) == width)
}

@Test func fourBitsDecodeFasterThanHalvesOnEveryDevice() throws {
  let model = try Model(path: sample)
  let halves = try DeviceWorkload(model: model, plan: try plan("", model))
  let four = try DeviceWorkload(model: model, plan: try plan("\"*\" = \"q4_K\"", model))
  for profile in try DeviceLibrary.builtIn().profiles {
    let roofline = Roofline(profile: profile)
    #expect(
      roofline.decode(four, context: 10).total <= roofline.decode(halves, context: 10).total,
      "\(profile.name)")
  }
}
