import Foundation
import Testing

private let model = root.appending(path: "SampleModels/mlp-fashion/mlp-fashion.onnx").path

@Test func anONNXModelIsMeasuredOnTheImagesDeclaredBesideIt() throws {
  let report = try vise("measure", model, "--limit", "500", "--json").json
  #expect(report["images"] as? Int == 500)
  // Guessing gets a tenth right.
  #expect(try #require(report["top1"] as? Double) > 0.8)
  #expect(report["bytes"] as? Int != nil)
}

@Test func aMeasurementTellsTheCalibrationErrorAndClassByClass() throws {
  try withFolder { folder in
    let plan = folder.appending(path: "p.toml")
    try "version = 1\n[defaults]\nformat = \"int3:channel\"\n".write(
      to: plan, atomically: true, encoding: .utf8)
    let report = try vise(
      "measure", model, "--limit", "500", "--plan", plan.path, "--json"
    ).json
    let error = try #require(report["ece"] as? Double)
    #expect(error > 0 && error < 0.5 && report["reference_ece"] as? Double != error)
    let classes = try #require(report["classes"] as? [[String: Any]])
    #expect(classes.compactMap { $0["images"] as? Int }.reduce(0, +) == 500)
    #expect(
      classes.compactMap { $0["gained"] as? Int }.reduce(0, +) == report["gained"] as? Int)
    let shown = try vise(
      "measure", model, "--limit", "100", "--plan", plan.path, "--by", "class")
    let table = String(decoding: shown.output, as: UTF8.self)
    #expect(table.contains("calibration error") && table.contains("90 % interval  gained  lost"))
  }
  #expect(try vise("measure", model, "--text", "x", "--by", "class").code != 0)
}

@Test func aWrongDeclarationIsSaidWithItsPlace() throws {
  try withFolder { folder in
    let copy = folder.appending(path: "m.onnx")
    try FileManager.default.copyItem(at: URL(filePath: model), to: copy)
    let file = folder.appending(path: "data.toml")
    for (text, words) in [
      ("version = 1\nevaluation = [", "data.toml, line"), ("version = 2", "version = 1"),
      ("version = 1\nevaluation = \"eval.npz\"", "must be a list"),
      ("version = 1\nmean = [0.1]", "one number a channel"),
      ("version = 1\nsize = 3", "unknown key"),
    ] {
      try text.write(to: file, atomically: true, encoding: .utf8)
      let outcome = try vise("measure", copy.path)
      #expect(outcome.code == 2 && outcome.errors.contains(words), "\(text): \(outcome.errors)")
    }
    try FileManager.default.removeItem(at: file)
    let outcome = try vise("measure", copy.path)
    #expect(outcome.code == 2 && outcome.errors.contains("--data"))
  }
}
