import Testing
import ViseCompression
import ViseTensor

/// Plans as values.
@Suite struct PlanTests {
  private let sites = (0..<4).map {
    Site(
      index: $0, name: "site \($0)", role: .ffnUp, block: $0, rows: 3, columns: 256,
      stored: $0 == 0 ? .q4_K : .f32)
  }

  @Test func keepingASiteIsTheSameAsNotNamingIt() {
    var plan = Plan(treatments: ["site 0": .keep, "site 1": Treatment(format: .ggml(.q8_0))])
    #expect(plan.treatments.keys.sorted() == ["site 1"])
    plan["site 1"] = .keep
    #expect(plan == Plan())
    #expect(plan.isEmpty)
    #expect(plan["nobody"] == .keep)
  }

  @Test func changedSitesAreThoseThatDifferInTheirOrder() {
    var a = Plan()
    a["site 2"] = Treatment(format: .ggml(.q4_0))
    a["site 1"] = Treatment(format: .ggml(.q8_0))
    var b = a
    b["site 2"] = Treatment(format: .ggml(.q4_1))
    b["site 0"] = Treatment(format: .ggml(.q4_0))
    #expect(a.changedSites(from: b, among: sites).map(\.index) == [0, 2])
    #expect(b.changedSites(from: a, among: sites).map(\.index) == [0, 2])
    #expect(a.changedSites(from: a, among: sites).isEmpty)
  }

  @Test func theStoredFormatIsNoNewOne() {
    let plan = Plan(
      treatments: Dictionary(
        uniqueKeysWithValues: sites.map { ($0.name, Treatment(format: .ggml(.q4_K))) }))
    #expect(plan.change(of: sites[0]) == nil)
    #expect(plan.change(of: sites[1]) == Treatment(format: .ggml(.q4_K)))
    #expect(Plan().change(of: sites[1]) == nil)
  }

  @Test func treatmentsAreCalledByTheirNames() {
    for type in NumberFormat.encodable {
      let treatment = Treatment(format: .ggml(type))
      #expect(Treatment(name: treatment.name) == treatment)
      #expect(Treatment(name: treatment.name.uppercased()) == treatment)
    }
    #expect(Treatment(name: "keep") == .keep)
    #expect(Treatment.keep.name == "keep")
    for name in ["", "q4", "q8_K", "f32", "q4_K "] { #expect(Treatment(name: name) == nil) }
  }
}

/// What a site gets when a format is asked for.
@Suite struct DefaultFormatTests {
  private static let columns = [1, 7, 16, 31, 32, 33, 64, 96, 255, 256, 288, 512, 768, 960]

  private func site(columns: Int) -> Site {
    Site(
      index: 0, name: "w", role: .ffnDown, block: 0, rows: 5, columns: columns, stored: .f32)
  }

  @Test(arguments: NumberFormat.encodable, columns)
  func whatIsUsedFitsAndHasAtLeastTheBitsAskedFor(type: StorageType, columns: Int) throws {
    let format = NumberFormat.ggml(type)
    let resolution = try #require(DefaultFormat.resolve(format, for: site(columns: columns)))
    #expect(resolution.asked == format)
    #expect(resolution.used.byteCount(rows: 5, columns: columns) != nil)
    #expect(resolution.used.bitsPerWeight >= format.bitsPerWeight)
    #expect((resolution.reason == nil) == (resolution.used == format))
    if columns % type.blockLength == 0 { #expect(resolution.used == format) }
  }

  @Test(arguments: NumberFormat.encodable, columns)
  func nothingSmallerWouldHaveServed(type: StorageType, columns: Int) throws {
    let format = NumberFormat.ggml(type)
    let used = try #require(DefaultFormat.resolve(format, for: site(columns: columns))).used
    guard used != format else { return }
    for other in NumberFormat.common.map({ NumberFormat.ggml($0) })
    where other.byteCount(rows: 5, columns: columns) != nil {
      #expect(
        other.bitsPerWeight < format.bitsPerWeight || other.bitsPerWeight >= used.bitsPerWeight)
    }
  }

  @Test(arguments: NumberFormat.encodable, columns)
  func resolvingAgainChangesNothing(type: StorageType, columns: Int) throws {
    let site = site(columns: columns)
    let used = try #require(DefaultFormat.resolve(.ggml(type), for: site)).used
    let again = try #require(DefaultFormat.resolve(used, for: site))
    #expect(again.used == used)
    #expect(again.reason == nil)
  }

  @Test func everyWidthHasAFormatThatIsAtLeastAsWide() throws {
    for bits in DefaultFormat.bitWidths {
      let format = try #require(DefaultFormat.asked(bits: bits))
      #expect(DefaultFormat.nominalBits(of: format) == bits)
      #expect(format.bitsPerWeight >= Double(bits))
    }
    for bits in [-1, 0, 1, 7, 9, 16] { #expect(DefaultFormat.asked(bits: bits) == nil) }
  }

  @Test func narrowRowsGetTheNextLargerShortBlocks() {
    let used = { (type: StorageType) in
      DefaultFormat.resolve(.ggml(type), for: site(columns: 96))?.used.name
    }
    #expect(used(.q4_K) == "iq4_NL")
    #expect(used(.q2_K) == "iq4_NL")
    #expect(used(.q5_K) == "q5_0")
    #expect(used(.q6_K) == "q8_0")
    #expect(used(.iq2_XXS) == "iq4_NL", "what is not common stands in for nothing")
    #expect(used(.iq1_S) == "iq4_NL")
  }
}
