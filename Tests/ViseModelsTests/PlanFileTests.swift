import Testing
import ViseCompression
import ViseTensor

@testable import ViseModels

/// Reading and writing plans as TOML.
@Suite struct PlanFileTests {
  /// Two blocks and an embedding of rows that hold K-quants, and one site that does not.
  private let sites: [Site] =
    [
      site(0, "token_embd.weight", .tokenEmbedding, nil, 256),
      site(1, "blk.0.attn_q.weight", .attentionQuery, 0, 256),
      site(2, "blk.0.ffn_down.weight", .ffnDown, 0, 512),
      site(3, "blk.1.attn_q.weight", .attentionQuery, 1, 256),
      site(4, "blk.1.ffn_down.weight", .ffnDown, 1, 96),
    ]

  private static func site(
    _ index: Int, _ name: String, _ role: SiteRole, _ block: Int?, _ columns: Int
  ) -> Site {
    Site(
      index: index, name: name, role: role, block: block, rows: 64, columns: columns, stored: .f16)
  }

  private func formats(_ text: String) throws -> [String] {
    let plan = try PlanFile(text: text, sites: sites).plan
    return sites.map { plan[$0.name].name }
  }

  @Test func globsMatchAndLaterLinesWin() throws {
    let text = """
      version = 1
      [sites]
      "blk.*" = "q8_0"
      "blk.?.attn_q.weight" = "q4_K"
      "blk.1.*" = "q6_K" # both of block 1, its ffn_down by the next format that fits
      """
    #expect(try formats(text) == ["keep", "q4_K", "q8_0", "q6_K", "q8_0"])
  }

  @Test func orderIsTheFilesWhateverTheNames() throws {
    let first = "[sites]\n\"z*\" = \"keep\"\n"
    #expect(throws: PlanFileError(line: 2, reason: .noSuchSite("z*"))) { try formats(first) }
    #expect(
      try formats("[sites]\n\"tok*\" = \"q4_0\"\n\"*\" = \"q8_0\"")
        == Array(repeating: "q8_0", count: 5))
    #expect(
      try formats("[ sites ]\n'*' = \"q8_0\"\n\t\"blk.*\" = \"keep\"")
        == ["q8_0", "keep", "keep", "keep", "keep"])
  }

  @Test func defaultsHoldForWhatNoLineNamesAndKeepUndoesThem() throws {
    let text = """
      [defaults]
      format = "q5_0"
      [sites]
      "token_embd.weight" = "keep"
      "blk.0.*" = { format = "q4_1" }
      """
    #expect(try formats(text) == ["keep", "q4_1", "q4_1", "q5_0", "q5_0"])
    #expect(try formats("") == Array(repeating: "keep", count: 5))
  }

  @Test func settingsMakeATreatmentAndReadBackFromTheWrittenPlan() throws {
    let text = """
      [sites]
      "blk.0.ffn_down.weight" = { prune = 0.30, rank = 32, format = "int4", group = 32, method = "gptq" }
      "blk.1.attn_q.weight" = { pattern = "2:4", format = "int8:channel", method = "wanda" }
      "blk.0.attn_q.weight" = { format = "int3", group = 64, symmetric = false }
      """
    let file = try PlanFile(text: text, sites: sites)
    #expect(
      sites.map { file.plan[$0.name].name } == [
        "keep", "int3:g64:asym", "prune=0.3 rank=32 format=int4:g32 method=gptq",
        "pattern=2:4 format=int8:channel method=wanda", "keep",
      ])
    let again = try PlanFile(text: PlanFile.text(of: file.plan, sites: sites), sites: sites)
    #expect(again.plan == file.plan)
  }

  @Test(
    arguments: [
      (
        "{ prune = 1.5 }",
        PlanFileError.Reason.badValue(
          key: "prune", value: "1.5", expected: "a share of 0 or more and below 1")
      ),
      (
        "{ rank = 900 }",
        .unsuitable(
          site: "blk.0.attn_q.weight", treatment: "rank=900",
          reason: "rank 900 is no reduction: the weight's own is at most 64")
      ),
      ("{ colour = 3 }", .unknownKey("colour")),
      ("{ format = [1] }", .wrongType(key: "format")),
      ("{ format = \"int11\" }", .unknownFormat("int11")),
    ])
  func aFaultySettingIsNamedWithItsLine(value: String, reason: PlanFileError.Reason) {
    let text = "version = 1\n\n[sites]\n\"blk.0.attn_q.weight\" = \(value)\n"
    #expect(throws: PlanFileError(line: 4, reason: reason)) {
      try PlanFile(text: text, sites: sites)
    }
  }

  @Test func formatNamesIgnoreCase() throws {
    #expect(try formats("[defaults]\nformat = \"Q4_k\"")[0] == "q4_K")
    #expect(try formats("[defaults]\nformat = \"KEEP\"")[0] == "keep")
  }

  @Test func whatDoesNotFitIsReplacedAndSaidSo() throws {
    let file = try PlanFile(text: "[defaults]\nformat = \"q4_K\"", sites: sites)
    let used = file.plan["blk.1.ffn_down.weight"]
    #expect(file.substitutions.map(\.site) == ["blk.1.ffn_down.weight"])
    #expect(file.substitutions.map(\.asked) == ["q4_K"])
    #expect(file.substitutions.map(\.used) == [used.name])
    #expect(file.substitutions[0].reason.contains("96"))
    #expect(try #require(used.format).bitsPerWeight >= 4.5)
  }

  @Test func aSiteNoFormatFitsIsAnErrorWithItsLine() throws {
    let odd = Self.site(0, "odd", .ffnUp, 0, 7)
    let text = "[sites]\n\n\"odd\" = \"q4_0\""
    let resolution = DefaultFormat.resolve(.ggml(.q4_0), for: odd)
    // Half floats fit any row, so something always fits what has fewer bits than they.
    #expect(resolution?.used == .ggml(.f16) || resolution?.used == .ggml(.bf16))
    #expect(try PlanFile(text: text, sites: [odd]).substitutions.count == 1)
  }

  @Test(arguments: [
    ("version = 2", 1, PlanFileError.Reason.unsupportedVersion),
    ("version = \"1\"", 1, .unsupportedVersion),
    ("\n\n[colours]\nred = 1", 3, .unknownKey("colours")),
    ("version = 1\nsize = 3", 2, .unknownKey("size")),
    (
      "[defaults]\nmethod = \"gptq\"", 2,
      .badValue(key: "method", value: "gptq", expected: "a format for it to fill")
    ),
    ("[defaults]\nformat = 4", 2, .wrongType(key: "format")),
    ("[defaults]\nformat = \"q9_Z\"", 2, .unknownFormat("q9_Z")),
    ("[sites]\n\"blk.*\" = 4", 2, .wrongType(key: "blk.*")),
    ("[sites]\n\"blk.*\" = \"q8_K\"", 2, .unknownFormat("q8_K")),
    ("[sites]\n\"blk.*\" = {}", 2, .wrongType(key: "blk.*")),
    ("[sites]\n\"blk.*\" = { colour = 4 }", 2, .unknownKey("colour")),
    ("# a\n[sites]\n\"tok*\" = \"q8_0\"\n\"nothing\" = \"q4_0\"", 4, .noSuchSite("nothing")),
  ])
  func faultsNameTheirLine(text: String, line: Int, reason: PlanFileError.Reason) {
    #expect(throws: PlanFileError(line: line, reason: reason)) { try formats(text) }
  }

  @Test func brokenTOMLNamesItsLine() {
    for (text, line) in [("version = 1\n[sites\n", 2), ("a = \"\n", 1), ("[sites]\nx = = 1", 2)] {
      do {
        _ = try formats(text)
        Issue.record("\(text) was accepted")
      } catch let error as PlanFileError {
        #expect(error.line == line)
        guard case .syntax = error.reason else {
          Issue.record("\(error.reason)")
          continue
        }
      } catch {
        Issue.record("\(error)")
      }
    }
  }

  @Test(arguments: [
    "sites = \"q4_0\"", "defaults = 3", "sites = { \"blk.*\" = \"q4_0\", \"*\" = \"q8_0\" }",
    "[sites]\nblk.0.attn_q.weight = \"q4_0\"", "[sites]\n\"a\" = \"q4_0\"\n\"a\" = \"q8_0\"",
  ])
  func whatCannotBeReadInOrderIsRefused(text: String) {
    #expect(throws: PlanFileError.self) { try formats(text) }
  }

  @Test(arguments: 0..<50 as Range<UInt64>)
  func writtenPlansReadBack(seed: UInt64) throws {
    var random = RandomSource(seed: seed)
    let plan = Plan.random(for: sites, share: 0.7, using: &random)
    let text = PlanFile.text(of: plan, sites: sites)
    let file = try PlanFile(text: text, sites: sites)
    #expect(file.plan == plan)
    #expect(file.substitutions.isEmpty)
    #expect(PlanFile.text(of: file.plan, sites: sites) == text)
  }

  @Test func strangeNamesReadBack() throws {
    let names = [
      "a\"b", "back\\slash", "tab\there", "new\nline", "bell\u{7}", "Ü.ß", "a = b", "#c",
    ]
    let sites = names.enumerated().map { Self.site($0, $1, .ffnUp, 0, 256) }
    let plan = Plan(
      treatments: Dictionary(
        uniqueKeysWithValues: names.map { ($0, Treatment(format: .ggml(.q4_K))) }))
    let text = PlanFile.text(of: plan, sites: sites)
    #expect(try PlanFile(text: text, sites: sites).plan == plan)
  }

  @Test func linesMayEndAsOnWindows() throws {
    let text = "[sites]\r\n\"tok*\" = \"q4_0\"\r\n\"*\" = \"q8_0\"\r\n\"no\" = \"keep\"\r\n"
    #expect(throws: PlanFileError(line: 4, reason: .noSuchSite("no"))) { try formats(text) }
    let good = text.split(separator: "\r\n").dropLast().joined(separator: "\r\n")
    #expect(try formats(good) == Array(repeating: "q8_0", count: 5))
  }

  @Test(arguments: ["[?]", "[", "[[", "[=]", "[ é]", "\t[#x]", "[[\u{0}]]", "[.a]", "[,"])
  func bracketsWithoutANameAreASyntaxErrorOnTheirLine(header: String) {
    do {
      _ = try formats("version = 1\n" + header)
      Issue.record("\(header) was accepted")
    } catch let error as PlanFileError {
      #expect(error.line == 2)
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func damagedPlansGiveAnErrorOrAPlan(seed: UInt64) {
    var random = RandomSource(seed: seed)
    let plan = Plan.random(for: sites, share: 1, using: &random)
    var bytes = Array(PlanFile.text(of: plan, sites: sites).utf8)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      if Bool.random(using: &random) {
        bytes.remove(at: place)
      } else {
        bytes[place] = UInt8.random(in: 0...255, using: &random)
      }
    }
    do {
      _ = try formats(String(decoding: bytes, as: UTF8.self))
    } catch {
      #expect(error is PlanFileError)
    }
  }
}
