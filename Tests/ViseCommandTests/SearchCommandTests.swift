import Foundation
import Testing

struct SearchCommandTests {
  /// Few windows, one or two plans: enough to see every figure.
  private static let small = [
    "--options", "q2_K, q4_K, q6_K", "--limit", "2048", "--window", "128", "--windows", "4",
    "--trials", "2", "--seed", "3",
  ]

  @Test func aSearchKeepsItsSizeWritesItsPlanAndSaysWhatPresetsMeasure() throws {
    try withFolder { folder in
      let plan = folder.appending(path: "plan.toml").path
      let run = try outcome(
        ["search", sample, "--size", "4MB", "--text", text, "--out", plan, "--json"] + Self.small)
      #expect(run.code == 0, "\(run.errors)")
      let report = try run.json
      let bytes = try #require(report["bytes"] as? Int)
      #expect(bytes <= 4_000_000 && bytes > 3_500_000)
      let interval = try #require(report["interval"] as? [Double])
      let kl = try #require(report["kl_mean"] as? Double)
      #expect(interval[0] < kl && kl < interval[1])
      #expect(report["measured_on"] as? String == "verification")
      #expect(report["trials"] as? Int == 2)
      let preset = try #require(report["preset"] as? [String: Any])
      #expect((preset["bytes"] as? Int ?? .max) <= 4_000_000)
      #expect(preset["kl_mean"] as? Double ?? 0 > 0)
      let checked = try vise("plan", "check", sample, "--plan", plan, "--json").json
      #expect(checked["bytes"] as? Int == bytes)
      let again = try outcome(
        ["search", sample, "--size", "4MB", "--text", text, "--json"] + Self.small
      ).json
      #expect(again["plan"] as? String == report["plan"] as? String)
    }
  }

  @Test func theSmallestPlanOfSomeQualityIsNotGivenUpForALargePreset() throws {
    let run = try outcome(
      ["search", sample, "--max-kl", "0.3", "--text", text, "--json"] + Self.small)
    #expect(run.code == 0, "\(run.errors)")
    let report = try run.json
    let bytes = try #require(report["bytes"] as? Int)
    #expect(bytes < 3_500_000)
    #expect(try #require(report["kl_mean"] as? Double) < 0.4)
    for preset in try #require(report["presets"] as? [[String: Any]]) {
      #expect(preset["bytes"] as? Int ?? .max <= bytes)
    }
  }

  @Test func aSizeThatCannotBeReachedIsRefusedWithTheLeast() throws {
    let run = try outcome(
      ["search", sample, "--size", "1MB", "--text", text] + Self.small)
    #expect(run.code == 2)
    #expect(run.errors.contains("the least is"))
    #expect(run.errors.contains("1000000 B"))
  }

  @Test func lockedAndKeptLayersStayAsTheyAre() throws {
    try withFolder { folder in
      let start = folder.appending(path: "start.toml").path
      try "version = 1\n[sites]\n\"blk.0.ffn_*.weight\" = \"q8_0\"\n".write(
        toFile: start, atomically: true, encoding: .utf8)
      let plan = folder.appending(path: "plan.toml").path
      let run = try outcome(
        [
          "search", sample, "--size", "4.5MB", "--text", text, "--start", start, "--unlock",
          "blk.0.ffn_up.weight", "--keep", "blk.1.attn_*", "--out", plan,
        ] + Self.small)
      #expect(run.code == 0, "\(run.errors)")
      let written = try String(contentsOfFile: plan, encoding: .utf8)
      #expect(written.contains("\"blk.0.ffn_down.weight\" = \"q8_0\""))
      #expect(!written.contains("blk.1.attn_"))
    }
  }

  @Test func badUsageOfSearchIsToldApart() throws {
    let cases: [([String], String)] = [
      ([], "pass a limit"),
      (["--size", "4MB", "--bits-per-weight", "4"], "limit the same thing"),
      (["--latency", "3ms"], "--latency-on"),
      (["--size", "4MB", "--strategy", "luck"], "--strategy takes"),
      (["--size", "4MB", "--trials", "2", "--seconds", "3"], "--seconds or --trials"),
      (["--latency", "3ms", "--latency-on", "abacus"], "no device is called"),
    ]
    for (options, words) in cases {
      let run = try outcome(["search", sample, "--text", text] + options)
      #expect(run.code == 2 && run.errors.contains(words), "\(options): \(run.errors)")
    }
  }

  @Test func aLatencyOnADeviceIsKept() throws {
    let devices = try vise("devices", sample, "--device", "rpi5", "--json").json
    let list = try #require(devices["devices"] as? [[String: Any]])
    let speed = try #require(list.first?["decode_tokens_per_second"] as? Double)
    let limit = 0.6 / speed
    let run = try outcome(
      [
        "search", sample, "--latency", "\(limit)s", "--latency-on", "rpi5", "--text", text,
        "--json",
      ] + Self.small)
    #expect(run.code == 0, "\(run.errors)")
    let limits = try #require(try run.json["limits"] as? [[String: Any]])
    #expect(limits.first?["resource"] as? String == "decode_seconds")
    #expect(limits.first?["provenance"] as? String == "prior")
    #expect((limits.first?["used"] as? Double ?? .infinity) <= limit)
  }
}

struct ImageSearchCommandTests {
  private let model = root.appending(path: "SampleModels/mlp-fashion/mlp-fashion.onnx").path

  @Test func aSearchOfAnONNXModelKeepsItsSizeAndBeatsWhatTreatsAllLayersAlike() throws {
    try withFolder { folder in
      let plan = folder.appending(path: "plan.toml").path
      let small = ["--limit", "600", "--trials", "4", "--seed", "3", "--json"]
      let run = try outcome(["search", model, "--size", "150kB", "--out", plan] + small)
      #expect(run.code == 0, "\(run.errors)")
      let report = try run.json
      let bytes = try #require(report["bytes"] as? Int)
      #expect(bytes <= 150_000 && bytes > 120_000)
      #expect(report["measured_on"] as? String == "verification")
      #expect((1...4).contains(try #require(report["trials"] as? Int)))
      #expect(try #require(report["top1"] as? Double) > 0.5)
      #expect((report["top1_difference_interval"] as? [Double])?.count == 2)
      let preset = try #require(report["preset"] as? [String: Any])
      #expect((preset["bytes"] as? Int ?? .max) <= 150_000)
      #expect(preset["top1_gain"] as? Double != nil)
      let file = folder.appending(path: "out.onnx").path
      let export = try vise(
        "export", model, "--plan", plan, "--out", file, "--to", "onnx", "--json")
      #expect(try export.json["bytes"] as? Int == bytes)
      let again = try outcome(["search", model, "--size", "150kB"] + small)
      #expect(try again.json["plan"] as? String == report["plan"] as? String)
    }
  }

  @Test func badUsageOfAnONNXSearchIsToldApart() throws {
    let cases: [([String], String)] = [
      (["--size", "10kB"], "the least is"),
      (["--latency", "3ms", "--latency-on", "rpi5"], "those of language models"),
      (["--size", "1MB", "--executor", "slurm", "--shared-folder", "/tmp"], "--executor local"),
      (["--size", "1MB", "--text", text, "--data", "x.npz"], "--data for ONNX"),
    ]
    for (options, words) in cases {
      let run = try outcome(["search", model, "--limit", "64"] + options)
      #expect(run.code == 2 && run.errors.contains(words), "\(options): \(run.errors)")
    }
    let run = try outcome(["search", sample, "--size", "4MB"])
    #expect(run.code == 2 && run.errors.contains("--text"))
  }
}
