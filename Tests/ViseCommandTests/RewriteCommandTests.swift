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

@Test func anONNXModelIsEqualizedAndMeasuresTheSame() throws {
  let model = root.appending(path: "SampleModels/mlp-fashion/mlp-fashion.onnx").path
  try withFolder { folder in
    let out = folder.appending(path: "e.onnx").path
    let report = try vise("rewrite", model, "--equalize", "--out", out, "--json").json
    #expect((report["links"] as? [Any])?.count == 2)
    let again = try vise("rewrite", model, "--equalize", "--out", out)
    #expect(again.code != 0, "a file was replaced without being asked to")
    let before = try vise("measure", model, "--limit", "300", "--json").json
    let after = try vise(
      "measure", out, "--limit", "300", "--json", "--data",
      root.appending(path: "SampleModels/fashion-mnist/eval.npz").path, "--mean", "0.2860",
      "--std", "0.3530"
    ).json
    #expect(before["top1"] as? Double != nil && after["top1"] as? Double != nil)
  }
}

@Test func whatCannotBeRewrittenIsSaid() throws {
  func path(_ name: String) -> String {
    root.appending(path: "SampleModels/\(name)/\(name).onnx").path
  }
  try withFolder { folder in
    let out = folder.appending(path: "e.onnx").path
    let vit = try vise("rewrite", path("vit-fashion"), "--equalize", "--out", out)
    #expect(vit.code == 2 && vit.errors.contains("no two layers"))
    let turned = try vise("rewrite", path("mlp-fashion"), "--rotate", "hadamard", "--out", out)
    #expect(turned.code == 2 && turned.errors.contains("--equalize or --scale smooth"))
  }
}

@Test func aVisionTransformerIsSmoothed() throws {
  let model = root.appending(path: "SampleModels/vit-fashion/vit-fashion.onnx").path
  try withFolder { folder in
    let (statistics, out) = (
      folder.appending(path: "c").path, folder.appending(path: "s.onnx").path
    )
    #expect(try vise("calibrate", model, "--limit", "20", "--out", statistics).code == 0)
    let report = try vise(
      "rewrite", model, "--scale", "smooth", "--calibration", statistics, "--out", out, "--json"
    ).json
    #expect((report["links"] as? [Any])?.count == 8)
    let other = root.appending(path: "SampleModels/mlp-fashion/mlp-fashion.onnx").path
    let wrong = try vise(
      "rewrite", other, "--scale", "smooth", "--calibration", statistics, "--out", out,
      "--overwrite")
    #expect(wrong.code == 2, "\(wrong.errors)")
  }
}
