import Foundation
import Testing

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
