import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Plans whose sites share a basis, from the file to the values and back.
@Suite struct SharedBasisPlanTests {
  private let model: Model
  private let directory: TemporaryDirectory

  init() throws {
    try BLAS.load()
    model = try FixtureModel(name: "llama").gguf()
    directory = try TemporaryDirectory()
  }

  private func plan(_ pattern: String, _ structure: String) throws -> PlanFile {
    try PlanFile(
      text: """
        version = 1
        [sites]
        "\(pattern)" = { structure = "\(structure)", format = "int8", group = 8 }
        """, sites: model.sites)
  }

  @Test func sharedBasesAreExportedOnceAndReadBackAsEvaluated() throws {
    let plan = try plan("blk.*.ffn_up.weight", "shared:up:8").plan
    #expect(plan.treatments.count > 1)
    let path = directory.file("out.safetensors")
    let bytes = try ModelExporter(model: model, pool: ComputePool(threadCount: 2)).export(
      plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    #expect(bytes == model.sizeModel.byteCount(of: plan, as: .safetensors))
    #expect(model.sizeModel.target(of: plan) == .safetensors)
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let compressor = SiteCompressor(reference: store, byteBudget: 1 << 24)
    let file = try ViseFile(path: path)
    var holders = 0
    for site in model.sites {
      guard let treatment = plan.change(of: site) else { continue }
      let read = try file.site(site.name)
      #expect(
        try read.values().values == compressor.values(of: site, under: treatment).values)
      #expect(read.byteCount == treatment.byteCount(for: site))
      if file.sites[site.name]?.basis == nil { holders += 1 }
    }
    #expect(holders == 1)
    let text = PlanFile.text(of: plan, sites: model.sites)
    #expect(try PlanFile(text: text, sites: model.sites).plan == plan)
  }

  @Test func aSiteThatLeavesChangesTheOthersValues() throws {
    var plan = try plan("blk.*.ffn_up.weight", "shared:up:8").plan
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let compressor = SiteCompressor(reference: store, byteBudget: 1 << 24)
    let sites = model.sites.filter { plan[$0.name] != .keep }
    func values(_ site: Site) throws -> [Float] {
      try compressor.values(of: site, under: #require(plan.change(of: site))).values
    }
    let before = try values(sites[1])
    plan[sites[0].name] = .keep
    #expect(try values(sites[1]) != before)
  }

  @Test func rowsOfUnequalLengthShareNoBasisAndTheLineIsNamed() throws {
    let error = #expect(throws: PlanFileError.self) { try plan("blk.*.ffn_*.weight", "shared:x:8") }
    #expect(error?.line == 3)
    guard case .unsuitable(_, _, let reason)? = error?.reason else {
      Issue.record("another reason: \(String(describing: error))")
      return
    }
    #expect(reason.contains("columns"))
  }
}
