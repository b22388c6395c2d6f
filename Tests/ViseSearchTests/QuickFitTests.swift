import Testing
import ViseCompression
import ViseEstimates
import ViseSearch
import ViseTensor

@Suite struct QuickFitTests {
  private let sites = (0..<4).map {
    Site(
      index: $0, name: "blk.\($0).ffn_up.weight", role: .ffnUp, block: $0, rows: 256, columns: 256,
      stored: .f16)
  }

  private func fit(
    share: Double,
    loss: @escaping @Sendable (Site, Treatment) -> (klMean: Double, isMeasured: Bool)?
  ) throws -> (plan: Plan, guessed: Int, total: Int) {
    let sizes = SizeModel(
      fixedByteCount: 0, alignment: 32, sites: sites,
      storedByteCounts: sites.map { _ in 2 * 256 * 256 })
    let full = Double(sizes.byteCount(of: Plan()))
    return try QuickFit(sites: sites, sizes: sizes, decodeSeconds: { _ in nil }, loss: loss)
      .fit(base: Plan(), limits: PlanLimits(byteCount: Int(share * full)))
  }

  /// Loss by bits a weight, larger in later blocks.
  private static func loss(_ site: Site, _ treatment: Treatment) -> Double {
    let bits = treatment.format?.bitsPerWeight ?? 16
    return Double(1 + site.index) * bits * -0.01 + 1
  }

  @Test func nothingIsGuessedWhereEveryLossIsMeasured() throws {
    let found = try fit(share: 0.4) { (Self.loss($0, $1), true) }
    #expect(found.guessed == 0)
    #expect(found.total == 4)
  }

  @Test func aLayerThatIsKeptUnmeasuredIsGuessedToo() throws {
    // So costly a guess that the first layer stays as it is, for want of knowing better.
    let found = try fit(share: 0.6) { site, treatment in
      site.index == 0 ? (1_000, false) : (Self.loss(site, treatment), true)
    }
    #expect(found.plan[sites[0].name] == .keep)
    #expect(found.guessed == 1)
  }

  @Test func aChosenTreatmentThatWasNotMeasuredIsGuessed() throws {
    let found = try fit(share: 0.3) { site, treatment in
      site.index == 1 ? nil : (Self.loss(site, treatment), true)
    }
    #expect(found.plan[sites[1].name] != .keep)
    #expect(found.guessed == 1)
  }
}
