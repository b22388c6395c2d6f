import Foundation
import Testing

/// What a run of the program left behind.
private struct Outcome {
  let code: Int32
  let output: Data
  let errors: String

  var json: [String: Any] {
    get throws { try #require(JSONSerialization.jsonObject(with: output) as? [String: Any]) }
  }
}

private let root = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
private let sample = root.appending(path: "SampleModels/story-lm/story-lm-f16.gguf").path
private let text = root.appending(path: "SampleModels/story-lm/eval.txt").path
private let calibrationText = root.appending(path: "SampleModels/story-lm/calib.txt").path

/// The program that was built beside this test bundle.
private var program: URL {
  get throws {
    let folder = try URL(filePath: #require(CommandLine.arguments.first))
      .deletingLastPathComponent()
    let candidates = [folder, root.appending(path: ".build/debug")]
    return try #require(
      candidates.map { $0.appending(path: "vise") }.first {
        FileManager.default.isExecutableFile(atPath: $0.path)
      })
  }
}

/// Tests leave nothing in the user's folders.
private let hermetic = ProcessInfo.processInfo.environment.merging([
  "VISE_LEVELS": "off", "VISE_EFFECTS": "off", "VISE_TRIALS": "off", "VISE_MACHINE": "off",
]) { $1 }

private func vise(_ arguments: String...) throws -> Outcome { try outcome(arguments) }

private func outcome(
  _ arguments: [String], environment: [String: String] = [:]
) throws -> Outcome {
  let process = Process()
  process.executableURL = try program
  process.arguments = arguments
  process.environment = hermetic.merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  let errorFile = FileManager.default.temporaryDirectory
    .appending(path: "vise-command-\(UUID().uuidString).txt")
  _ = FileManager.default.createFile(atPath: errorFile.path, contents: nil)
  defer { try? FileManager.default.removeItem(at: errorFile) }
  process.standardError = try FileHandle(forWritingTo: errorFile)
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let output = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Outcome(
    code: process.terminationStatus, output: output,
    errors: try String(contentsOf: errorFile, encoding: .utf8))
}

/// A folder for one test's files.
private func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-command-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

@Test func inspectListsEverySiteOfTheSample() throws {
  let outcome = try vise("inspect", sample, "--json")
  #expect(outcome.code == 0)
  #expect(outcome.errors.isEmpty)
  let model = try #require(try outcome.json["model"] as? [String: Any])
  #expect(model["architecture"] as? String == "llama")
  #expect(model["format"] as? String == "gguf")
  let size = try FileManager.default.attributesOfItem(atPath: sample)[.size] as? Int
  #expect(model["bytes"] as? Int == size)
  let sites = try #require(try outcome.json["sites"] as? [[String: Any]])
  #expect(sites.count == 43)
  #expect(sites.allSatisfy { ($0["shape"] as? [Int])?.count == 2 })
}

@Test func tokenizePrintsIdsOfTheVocabulary() throws {
  let outcome = try vise("tokenize", sample, "--text", text, "--json")
  let ids = try #require(try outcome.json["ids"] as? [Int])
  #expect(ids.count > 10_000)
  #expect(ids.allSatisfy { $0 >= 0 && $0 < 4096 })
}

@Test func measuringTheReferenceGivesAPerplexityAndNoDivergence() throws {
  let report = try vise(
    "measure", sample, "--text", text, "--limit", "2048", "--window", "128", "--json"
  ).json
  #expect(report["windows"] as? Int == 16)
  #expect(report["kl_mean"] as? Double == 0)
  let perplexity = try #require(report["perplexity"] as? Double)
  // A model that knew nothing would be at 4096.
  #expect(perplexity > 1 && perplexity < 400)
}

@Test func aPlanIsPredictedMeasuredAndExportedToThePromisedSize() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "plan.toml")
    try """
    version = 1
    [sites]
    "blk.*.ffn_*.weight" = "q3_K"
    "blk.0.*.weight" = "q6_K"
    """.write(to: plan, atomically: true, encoding: .utf8)
    let predicted = try vise("predict", sample, "--plan", plan.path, "--text", text, "--json").json
    let out = folder.appending(path: "out.gguf")
    let exported = try vise(
      "export", sample, "--plan", plan.path, "--out", out.path, "--json"
    ).json
    let size = try FileManager.default.attributesOfItem(atPath: out.path)[.size] as? Int
    #expect(exported["bytes"] as? Int == size)
    #expect(exported["predicted_bytes"] as? Int == size)
    #expect(predicted["bytes"] as? Int == size)
    let planned = try vise(
      "measure", sample, "--plan", plan.path, "--text", text, "--limit", "2048", "--window", "128",
      "--json"
    ).json
    let alone = try vise(
      "measure", out.path, "--text", text, "--limit", "2048", "--window", "128", "--json"
    ).json
    #expect(planned["perplexity"] as? Double == alone["perplexity"] as? Double)
    #expect(try #require(planned["kl_mean"] as? Double) > 0)
    #expect(try #require(predicted["kl_mean"] as? Double) > 0)

    let again = try vise("export", sample, "--plan", plan.path, "--out", out.path)
    #expect(again.code == 1)
    #expect(again.errors.contains("exists"))
    #expect(
      try vise("export", sample, "--plan", plan.path, "--out", out.path, "--overwrite").code == 0)
  }
}

@Test func comparingSaysWhichIsBetterAtWhatSizes() throws {
  try withFolder { folder in
    let paths = ["q2_K", "q6_K"].map { folder.appending(path: "\($0).toml").path }
    for path in paths {
      let format = URL(filePath: path).deletingPathExtension().lastPathComponent
      try "version = 1\n[sites]\n\"blk.*.ffn_*.weight\" = \"\(format)\"\n".write(
        toFile: path, atomically: true, encoding: .utf8)
    }
    let arguments = ["--model", sample, "--text", text, "--limit", "4096", "--window", "64"]
    let report = try outcome(["compare"] + paths + arguments + ["--json"]).json
    #expect(report["better"] as? String == "second")
    #expect(report["stopped_early"] as? Bool == true)
    let sides = ["first", "second"].compactMap { report[$0] as? [String: Any] }
    let bytes = sides.compactMap { $0["bytes"] as? Int }
    #expect(bytes.count == 2 && bytes[0] < bytes[1])
    let verdict = try #require(report["verdict"] as? String)
    #expect(verdict.contains(paths[1]) && bytes.allSatisfy { verdict.contains("\($0)") })
    let same = try outcome(["compare", paths[0], paths[0]] + arguments)
    #expect(same.code == 0)
    #expect(String(decoding: same.output, as: UTF8.self).contains("exactly 0"))
    #expect(try vise("compare", paths[0], paths[1]).code == 2)
    #expect(try vise("compare", sample, sample, "--by", "kl").code == 2)
  }
}

@Test func measuredPlansAreListedAsTrialsAndOffMeansOff() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "plan.toml").path
    try "version = 1\n[sites]\n\"blk.0.ffn_up.weight\" = \"q2_K\"\n".write(
      toFile: plan, atomically: true, encoding: .utf8)
    let measure = [
      "measure", sample, "--plan", plan, "--text", text, "--limit", "512", "--window", "128",
      "--json",
    ]
    let state = ["XDG_STATE_HOME": folder.path, "VISE_TRIALS": "on"]
    let measured = try outcome(measure, environment: state).json
    #expect(try outcome(measure, environment: state).code == 0)
    let report = try outcome(["trials", sample, "--json"], environment: state).json
    let trials = try #require(report["trials"] as? [[String: Any]])
    #expect(trials.count == 1)
    #expect(trials.first?["kl_mean"] as? Double == measured["kl_mean"] as? Double)
    #expect((trials.first?["toml"] as? String)?.contains("blk.0.ffn_up.weight") == true)
    #expect(try vise("trials", sample).code == 2)
  }
}

@Test func calibratingWarnsOfSharedTextAndRefusesTheSame() throws {
  try withFolder { folder in
    let calibrationText = root.appending(path: "SampleModels/story-lm/calib.txt").path
    let out = folder.appending(path: "calibration").path
    let clean = try vise(
      "calibrate", sample, "--text", calibrationText, "--against", text, "--limit", "2048",
      "--window", "128", "--out", out, "--json")
    #expect(clean.code == 0)
    let report = try clean.json
    #expect(report["tokens"] as? Int == 2048)
    #expect(report["sites"] as? Int == 43)
    let size = try FileManager.default.attributesOfItem(atPath: out)[.size] as? Int
    #expect(report["bytes"] as? Int == size)
    let overlap = try #require(report["overlap"] as? [String: Any])
    #expect(overlap["share"] as? Double == 0)
    #expect(!clean.errors.contains("warning"))

    let mixed = folder.appending(path: "mixed.txt")
    let halves = try [calibrationText, text].map {
      String(try String(contentsOfFile: $0, encoding: .utf8).prefix(4000))
    }
    try halves.joined(separator: "\n").write(to: mixed, atomically: true, encoding: .utf8)
    let partial = try vise(
      "calibrate", sample, "--text", calibrationText, "--against", mixed.path, "--limit", "2048",
      "--window", "128", "--out", out, "--overwrite", "--json")
    #expect(partial.code == 0)
    #expect(partial.errors.contains("warning"))
    let share = try #require(
      (try partial.json["overlap"] as? [String: Any])?["share"] as? Double)
    #expect(share > 0.3 && share < 0.7)

    let same = try vise(
      "calibrate", sample, "--text", text, "--against", text, "--out",
      folder.appending(path: "never").path)
    #expect(same.code == 2)
    #expect(same.errors.contains("evaluation text"))
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "never").path))
  }
}

@Test func aPreservedTextGuardsPlansAndTakesItsShareOfTheStatistics() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "plan.toml")
    try "version = 1\n[sites]\n\"blk.*.ffn_*.weight\" = \"int2:g32\"\n"
      .write(to: plan, atomically: true, encoding: .utf8)
    func measured(_ limit: String) throws -> Outcome {
      try vise(
        "measure", sample, "--text", text, "--plan", plan.path, "--window", "64", "--limit", "64",
        "--preserve", prompts(folder), "--max-kl", limit, "--json")
    }
    let kept = try measured("50")
    #expect(kept.code == 0)
    let entry = try #require(try kept.json["preserved"] as? [String: Any])
    let divergence = try #require(entry["kl_mean"] as? Double)
    #expect(divergence > 0 && entry["kept"] as? Bool == true)
    let broken = try measured("\(divergence / 2)")
    #expect(broken.code == 1)
    #expect((try broken.json["preserved"] as? [String: Any])?["kept"] as? Bool == false)
    #expect(try vise("measure", sample, "--text", text, "--max-kl", "1").code == 2)

    let statistics = folder.appending(path: "c").path
    let calibrated = try vise(
      "calibrate", sample, "--text", calibrationText, "--window", "64", "--limit", "512",
      "--preserve", prompts(folder), "--preserve-share", "0.5", "--out", statistics, "--json")
    #expect(calibrated.code == 0)
    #expect(try calibrated.json["tokens"] as? Int == 1024)
    let source = try #require(try calibrated.json["source"] as? String)
    #expect(source.contains("preserved text, 50 %"))
  }
}

/// A text of somewhat more than one window of 64 tokens.
private func prompts(_ folder: URL) throws -> String {
  let path = folder.appending(path: "prompts.txt")
  let words = try String(contentsOfFile: calibrationText, encoding: .utf8).split(separator: " ")
  try words.suffix(90).joined(separator: " ").write(to: path, atomically: true, encoding: .utf8)
  return path.path
}

@Test func calibratingNeedsNoTextWhereTheModelWritesIt() throws {
  try withFolder { folder in
    let report = try vise(
      "calibrate", sample, "--self-generate", "128", "--seed", "7", "--out",
      folder.appending(path: "c").path, "--json"
    ).json
    #expect(report["tokens"] as? Int == 128)
    #expect(report["source"] as? String == "sampled from the model, seed 7")
  }
}

@Test(arguments: [
  ["calibrate", sample, "--out", "/tmp/never"],
  ["calibrate", sample, "--text", text, "--self-generate", "64", "--out", "/tmp/never"],
  ["calibrate", sample, "--self-generate", "3", "--out", "/tmp/never"],
  ["calibrate", sample, "--text", "/dev/null", "--out", "/tmp/never"],
  ["inspect", "/nonexistent.gguf"],
  ["inspect", "/etc/passwd"],
  ["inspect"],
  ["measure", sample],
  ["measure", sample, "--text", "/dev/null"],
  ["measure", sample, "--text", text, "--window", "1"],
  ["export", sample, "--plan", "/nonexistent.toml", "--out", "/tmp/never.gguf"],
  ["frobnicate", "--now"],
])
func badUsageOrInputExitsWithTwoAndSaysWhy(arguments: [String]) throws {
  let process = Process()
  process.executableURL = try program
  process.arguments = arguments
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle.nullDevice
  let pipe = Pipe()
  process.standardError = pipe
  try process.run()
  let errors = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  #expect(process.terminationStatus == 2)
  #expect(!errors.isEmpty)
}

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

@Test func aRewrittenModelMeasuresAsTheOriginalAndTakesPlans() throws {
  try withFolder { folder in
    let (calibration, scaled) = (folder.appending(path: "c"), folder.appending(path: "scaled.gguf"))
    _ = try vise(
      "calibrate", sample, "--text", calibrationText, "--limit", "1024", "--out", calibration.path)
    let report = try vise(
      "rewrite", sample, "--scale", "awq", "--format", "q4_0", "--calibration", calibration.path,
      "--out", scaled.path, "--floats", "f32", "--json"
    ).json
    let size = try FileManager.default.attributesOfItem(atPath: scaled.path)[.size] as? Int
    #expect(report["bytes"] as? Int == size)
    #expect((report["links"] as? [Any])?.count == 24)
    let turned = folder.appending(path: "turned.gguf")
    _ = try vise("rewrite", scaled.path, "--rotate", "hadamard", "--out", turned.path)
    func perplexity(_ path: String) throws -> Double {
      try #require(
        try vise("measure", path, "--text", text, "--limit", "1024", "--window", "128", "--json")
          .json["perplexity"] as? Double)
    }
    let original = try perplexity(sample)
    #expect(abs(try perplexity(scaled.path) / original - 1) < 1e-5)
    // Rotated weights were rounded to half floats.
    #expect(abs(try perplexity(turned.path) / original - 1) < 2e-3)
  }
}

@Test func valueHeadsBecomeShorterAndTheModelStillMeasures() throws {
  try withFolder { folder in
    let path = folder.appending(path: "short.gguf").path
    let report = try vise("rewrite", sample, "--value-rank", "24", "--out", path, "--json").json
    let notes = try #require(report["rewrites"] as? [String])
    #expect(notes.contains { $0.contains("value heads of 24 channels") })
    #expect(try vise("measure", path, "--text", text, "--limit", "512").code == 0)
    let sites = try #require(try vise("inspect", path, "--json").json["sites"] as? [[String: Any]])
    let value = try #require(sites.first { $0["role"] as? String == "attn_v" })
    #expect(value["shape"] as? [Int] == [48, 256])
  }
  let mixed = try vise(
    "rewrite", sample, "--value-rank", "24", "--rotate", "hadamard", "--out", "never")
  #expect(mixed.code == 2)
  #expect(try vise("rewrite", sample, "--drop-deltas", "0.9", "--out", "never").code == 2)
  let same = try vise(
    "rewrite", sample, "--drop-deltas", "0.9", "--base", sample, "--out", "never")
  #expect(same.code == 2 && same.errors.contains("those of its base"))
}

@Test func rewritesThatContradictEachOtherAreRefused() throws {
  for arguments in [
    ["--rotate", "pca"], ["--scale", "awq"], ["--scale", "awq", "--format", "what"],
    ["--equalize", "--scale", "smooth"], [],
  ] {
    let process = try outcome(["rewrite", sample, "--out", "/nonexistent/out.gguf"] + arguments)
    #expect(process.code == 2)
    #expect(!process.errors.isEmpty)
  }
}

@Test func devicesGivesAPriorWithoutAnInterval() throws {
  let outcome = try vise("devices", sample, "--device", "rpi5", "h100-sxm", "--json")
  #expect(outcome.code == 0)
  let report = try outcome.json
  #expect(report["provenance"] as? String == "prior: roofline of published figures")
  #expect(!String(decoding: outcome.output, as: UTF8.self).contains("interval"))
  let devices = try #require(report["devices"] as? [[String: Any]])
  #expect(devices.map { $0["device"] as? String } == ["rpi5", "h100-sxm"])
  let speeds = try devices.map { try #require($0["decode_tokens_per_second"] as? Double) }
  #expect(speeds[0] < speeds[1])
}

@Test func devicesListsFitInEightyColumns() throws {
  for arguments in [["devices"], ["devices", sample, "--context", "100000"]] {
    let outcome = try outcome(arguments, environment: ["XDG_CONFIG_HOME": "/nonexistent"])
    #expect(outcome.code == 0)
    let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
    #expect(lines.count >= 16)
    for line in lines { #expect(line.count <= 80, "\(line)") }
  }
}

@Test func aFaultInAProfileOfTheUserIsNamedWithFileAndLine() throws {
  try withFolder { folder in
    let devices = folder.appending(path: "vise/devices")
    try FileManager.default.createDirectory(at: devices, withIntermediateDirectories: true)
    try Data("version = 1\nwatts = 3\n".utf8).write(to: devices.appending(path: "x.toml"))
    let outcome = try outcome(["devices"], environment: ["XDG_CONFIG_HOME": folder.path])
    #expect(outcome.code == 2)
    #expect(outcome.errors.hasSuffix("x.toml, line 2: unknown key \"watts\"\n"))
  }
}

@Test func sensitivityListsEveryLayerWithWhatCanBeHad() throws {
  let report = try vise("sensitivity", sample, "--treatments", "q4_0, int3:g32", "--json").json
  #expect(report["by"] as? String == "site" && report["probe_tokens"] == nil)
  let rows = try #require(report["rows"] as? [[String: Any]])
  #expect(rows.count == 43)
  for row in rows {
    #expect(row["pq_index"] is Double && row["kurtosis"] is Double)
    #expect(row["effective_rank"] == nil && row["input_energy"] == nil)
    let options = try #require(row["options"] as? [[String: Any]])
    #expect(options.map { $0["option"] as? String } == ["q4_0", "int3:g32"])
    #expect(options.allSatisfy { $0["noise_share"] is Double && $0["kl_mean"] == nil })
    #expect(options[0]["accumulator_bits"] == nil && options[1]["accumulator_bits"] is Int)
  }
  let columns = try #require(report["columns"] as? [[String: Any]])
  #expect(columns.allSatisfy { $0["provenance"] as? String != nil })
}

@Test func sensitivityMeasuresOnTheTextAndSaysSo() throws {
  try withFolder { folder in
    let statistics = folder.appending(path: "c").path
    let calibrated = try vise(
      "calibrate", sample, "--text", calibrationText, "--window", "64", "--limit", "512", "--out",
      statistics)
    #expect(calibrated.code == 0)
    let data = ["--text", text, "--calibration", statistics, "--bits", "3"]
    let table = try outcome(
      ["sensitivity", sample, "--csv", "--sort", "kl_mean"] + data)
    #expect(table.code == 0)
    let lines = String(decoding: table.output, as: UTF8.self).components(separatedBy: "\r\n")
    let header = lines[0].components(separatedBy: ",")
    #expect(lines.count == 45 && lines.last == "")
    let place = try #require(header.firstIndex(of: "q3_K.kl_mean"))
    #expect(header.contains("q3_K.output_error") && header.contains("input_energy"))
    let figures = lines[1..<44].map { Double($0.components(separatedBy: ",")[place]) }
    #expect(figures.allSatisfy { $0 != nil })
    let known = figures.compactMap { $0 }
    #expect(known == known.sorted(by: >))

    let groups = try outcome(
      ["sensitivity", sample, "--by", "role", "--json"] + data
    ).json
    let rows = try #require(groups["rows"] as? [[String: Any]])
    let sums = rows.compactMap { $0["kl_sum"] as? Double }
    #expect(sums.count == rows.count)
    #expect(abs(sums.reduce(0, +) - known.reduce(0, +)) < 1e-9)
    let tokens = try #require(groups["probe_tokens"] as? Int)
    let columns = try #require(groups["columns"] as? [[String: Any]])
    let measured = try #require(columns.first { $0["name"] as? String == "kl_sum" })
    #expect(measured["provenance"] as? String == "measured on \(tokens) probe tokens")
  }
}

@Test func sensitivityRefusesWhatItDoesNotKnow() throws {
  for arguments in [
    ["--bits", "7"], ["--treatments", "nonsense"], ["--csv", "--json"], ["--by", "mood"],
    ["--bits", "4", "--treatments", "q4_K"], ["--treatments", "f16", "--sort", "nonsense"],
  ] {
    let process = try outcome(["sensitivity", sample] + arguments)
    #expect(process.code == 2, "\(arguments)")
    #expect(!process.errors.isEmpty && process.output.isEmpty)
  }
}
