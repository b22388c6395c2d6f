import Foundation
import Testing

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
