import Foundation
import Testing

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

@Test func themesAreListedWithTheirContrastAndAWrongOneIsRefused() throws {
  let report = try vise("themes", "vise-dark", "--json").json
  let themes = try #require(report["themes"] as? [[String: Any]])
  #expect(themes.first?["name"] as? String == "vise-dark")
  #expect(try #require(themes.first?["least_text_contrast"] as? Double) >= 4.5)
  let refused = try vise("themes", "no-such-theme")
  #expect(refused.code == 2)
  #expect(refused.errors.contains("was not found"))
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
