import Foundation
import Testing

@Test func aFaultyPlanIsNamedByItsLine() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "plan.toml")
    try "version = 1\n[sites]\n\"blk.0.ffn_up.weight\" = \"q9_Z\"\n".write(
      to: plan, atomically: true, encoding: .utf8)
    let outcome = try vise(
      "export", sample, "--plan", plan.path, "--out", folder.appending(path: "x.gguf").path)
    #expect(outcome.code == 2)
    #expect(outcome.errors.contains("line 3"))
    #expect(outcome.errors.contains("q9_Z"))
  }
}

@Test func rulesForRanksAreResolvedToNumbersAndRefusedElsewhere() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "rules.toml").path
    try """
    version = 1
    [sites]
    "*attn_q*" = { rank = "energy:0.7", format = "int4:g32" }
    "*ffn_up*" = { rank = "elbow", prune = 0.2, method = "svd" }
    """.write(toFile: plan, atomically: true, encoding: .utf8)
    let refused = try vise("plan", "check", sample, "--plan", plan)
    #expect(refused.code == 2 && refused.errors.contains("line 3: rank = \"energy:0.7\""))
    let resolved = folder.appending(path: "numbers.toml").path
    let outcome = try vise("plan", "resolve", sample, "--plan", plan, "--out", resolved)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let written = try String(contentsOfFile: resolved, encoding: .utf8)
    #expect(written.contains("rank = ") && !written.contains("energy"))
    #expect(try vise("plan", "check", sample, "--plan", resolved).code == 0)
  }
}

@Test func droppedBlocksMakeAPlanThatCheckExportsAsGGUF() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "drop.toml").path
    let outcome = try vise(
      "plan", "drop", sample, "--text", text, "--limit", "1024", "--blocks", "1", "--out", plan,
      "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let dropped = try #require(try outcome.json["dropped"] as? [Int])
    let influence = try #require(try outcome.json["influence"] as? [Double])
    #expect(influence.count == 6 && dropped.count == 1)
    #expect(influence[dropped[0]] == influence.min())
    let check = try vise("plan", "check", sample, "--plan", plan, "--json").json
    #expect(check["target"] as? String == "gguf")
    let all = try vise("plan", "drop", sample, "--text", text, "--limit", "1024", "--blocks", "6")
    #expect(all.code == 2 && all.errors.contains("no block would remain"))
  }
}

@Test func inspectWithAPlanCodesItsLayers() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "plan.toml").path
    try """
    version = 1
    [sites]
    "*ffn_up*" = "int4:g32"
    "*ffn_down*" = "q4_0"
    "*attn_q*" = "vq4d4:channel"
    """.write(toFile: plan, atomically: true, encoding: .utf8)
    let report = try vise("inspect", sample, "--plan", plan, "--coded", "--json").json
    let sites = try #require(report["sites"] as? [[String: Any]])
    let up = try #require(sites.first { ($0["name"] as? String)?.contains("ffn_up") == true })
    let planned = try #require(up["planned"] as? [String: Any])
    let coded = try #require(planned["coded"] as? [String: Any])
    let bytes = try #require(planned["bytes"] as? Int)
    let codedBytes = try #require(coded["bytes"] as? Int)
    #expect(codedBytes < bytes && codedBytes > bytes * 3 / 4)
    #expect((planned["accumulator_bits"] as? Int ?? 0) > 12)
    let down = try #require(sites.first { ($0["name"] as? String)?.contains("ffn_down") == true })
    #expect((down["planned"] as? [String: Any])?["coded"] == nil)
    let totals = try #require(report["planned"] as? [String: Any])
    #expect(totals["uncoded_sites"] as? Int == 12)
    let query = try #require(sites.first { ($0["name"] as? String)?.contains("attn_q") == true })
    let codebook = try #require(
      (query["planned"] as? [String: Any])?["codebook"] as? [String: Any])
    #expect(codebook["used_share"] as? Double == 1)
    let perplexity = try #require(codebook["perplexity"] as? Double)
    #expect(perplexity > 4 && perplexity <= 16)
    let without = try vise("inspect", sample, "--coded")
    #expect(without.code == 2 && without.errors.contains("--plan"))
  }
}

@Test func aMixByNameIsAPlanThatCheckExportsAsGGUF() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "mix.toml").path
    let filled = try vise("plan", "fill", sample, "--mix", "DQ3_K_M", "--out", plan)
    #expect(filled.code == 0, "\(filled.errors)")
    let checked = try vise("plan", "check", sample, "--plan", plan, "--json")
    #expect(checked.code == 0)
    #expect(try checked.json["target"] as? String == "gguf")
    #expect(try String(contentsOfFile: plan, encoding: .utf8).contains("q6_K"))
    #expect(try vise("plan", "fill", sample, "--mix", "q3", "--out", plan).code == 2)
  }
}

@Test(arguments: ["global-magnitude", "pq-index"])
func filledPlansPruneTheirShareAndStayWithinTheirBits(strategy: String) throws {
  try withFolder { folder in
    let plan = folder.appending(path: "plan.toml").path
    let outcome = try vise(
      "plan", "fill", sample, "--prune", "0.4", "--prune-by", strategy, "--minimum", "0.3",
      "--bits", "4.2", "--out", plan)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let written = try String(contentsOfFile: plan, encoding: .utf8)
    let shares = written.matches(of: /prune = ([0-9.]+)/).compactMap { Double($0.1) }
    #expect(shares.count > 30 && shares.allSatisfy { $0 <= 0.7001 })
    #expect(Set(shares).count > 10)
    let report = try vise("inspect", sample, "--plan", plan, "--json").json
    let sites = try #require(report["sites"] as? [[String: Any]])
    let planned = sites.compactMap { $0["planned"] as? [String: Any] }
    let bytes = planned.compactMap { $0["bytes"] as? Int }.reduce(0, +)
    let weights = sites.filter { $0["planned"] != nil }.compactMap { $0["parameters"] as? Int }
      .reduce(0, +)
    let bits = 8 * Double(bytes) / Double(weights)
    #expect(bits <= 4.2 && bits > 3.6)
    let again = try vise("plan", "fill", sample, "--prune", "0.4", "--out", plan)
    #expect(again.code == 1 && again.errors.contains("--overwrite"))
  }
  #expect(try vise("plan", "fill", sample).code == 2)
}
