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

/// Three plans measured, of which one has fewer bits and another fewer multiplications.
@Test func theFrontierOfAnONNXModelHasWhatWasMeasuredOfIt() throws {
  let model = root.appending(path: "SampleModels/resnet20-fashion/resnet20-fashion.onnx").path
  let images = root.appending(path: "SampleModels/fashion-mnist/eval.npz").path
  try withFolder { folder in
    let store = ["VISE_TRIALS": "on", "XDG_STATE_HOME": folder.path]
    let plans = [
      "format = \"int8:channel\"", "format = \"int2:tensor\"",
      "prune = 0.5\npattern = \"channels\"\nformat = \"int8:channel\"",
    ]
    for (index, text) in plans.enumerated() {
      let plan = folder.appending(path: "\(index).toml")
      let sites = index == 2 ? "[sites]\n\"stage1.block1.conv2.weight\" = { " : "[defaults]\n"
      let body = index == 2 ? text.replacingOccurrences(of: "\n", with: ", ") + " }\n" : text
      try "version = 1\n\(sites)\(body)".write(to: plan, atomically: true, encoding: .utf8)
      let run = try outcome(
        [
          "measure", model, "--data", images, "--mean", "0.286", "--std", "0.353", "--limit", "200",
          "--plan", plan.path,
        ], environment: store)
      #expect(run.code == 0, "\(run.errors)")
    }
    let report = try outcome(["frontier", model, "--json"], environment: store).json
    let points = try #require(report["points"] as? [[String: Any]])
    let beaten = try #require(report["beaten"] as? [[String: Any]])
    #expect(points.count + beaten.count == 3)
    let bytes = points.compactMap { $0["bytes"] as? Int }
    #expect(bytes == bytes.sorted() && points.allSatisfy { $0["bytes_exact"] as? Bool == true })
    let reference = try #require(report["reference_macs"] as? Int)
    let macs = (points + beaten).compactMap { $0["macs"] as? Int }
    #expect(macs.count { $0 == reference } == 2 && macs.count { $0 < reference } == 1)
    let out = folder.appending(path: "taken.toml").path
    let taken = try outcome(
      ["frontier", model, "--take", "1", "--out", out], environment: store)
    #expect(taken.code == 0, "\(taken.errors)")
    let again = try outcome(
      [
        "measure", model, "--data", images, "--mean", "0.286", "--std", "0.353", "--limit", "200",
        "--plan", out, "--json",
      ], environment: store
    ).json
    #expect(again["kl_mean"] as? Double == points[0]["kl_mean"] as? Double)
    #expect(again["bytes"] as? Int == bytes[0])
    let refused = try outcome(["frontier", model, "--latency-on", "rpi5"], environment: store)
    #expect(refused.code == 2)
    let listed = try outcome(["trials", model], environment: store)
    #expect(String(decoding: listed.output, as: UTF8.self).contains("on 200 images"))
  }
}

@Test func whatIfTellsWhatEarlyExitsAndMasksWouldCost() throws {
  let model = root.appending(path: "SampleModels/resnet20-fashion/resnet20-fashion.onnx").path
  let images = [
    "--data", root.appending(path: "SampleModels/fashion-mnist/eval.npz").path, "--mean", "0.286",
    "--std", "0.353", "--limit", "120",
  ]
  let run = try outcome(
    [
      "whatif", model, "--early-exit", "--thresholds", "0.5", "1", "--dynamic-masks", "0.9", "1",
      "--json",
    ] + images)
  #expect(run.code == 0, "\(run.errors)")
  let exits = try #require(run.json["early_exit"] as? [String: Any])
  #expect(exits["fit_images"] as? Int == 60 && exits["judged_images"] as? Int == 60)
  let rows = try #require(exits["rows"] as? [[String: Any]])
  #expect(rows.last?["top1"] as? Double == exits["reference_top1"] as? Double)
  #expect((exits["exits"] as? [Any])?.count == 3 && exits["worst_macs"] as? Int != nil)
  let masks = try #require(run.json["dynamic_masks"] as? [String: Any])
  let shares = try #require(masks["rows"] as? [[String: Any]])
  #expect(shares.last?["kl_mean"] as? Double == 0 && masks["masks"] as? String == "oracle")
  let expected = try #require(shares.first?["expected_macs"] as? Double)
  let worst = try #require(shares.first?["worst_macs"] as? Double)
  let macs = try #require(masks["macs"] as? Int)
  #expect(expected <= worst && worst < Double(macs))
  let table = try outcome(["whatif", model, "--early-exit", "--at", "stage1.block1.out"] + images)
  #expect(String(decoding: table.output, as: UTF8.self).contains("stage1.block1.out"))
}

@Test func whatIfRefusesWhatItCannotAnswer() throws {
  let resnet = root.appending(path: "SampleModels/resnet20-fashion/resnet20-fashion.onnx").path
  let cases: [([String], String)] = [
    ([resnet], "--early-exit or --dynamic-masks"),
    ([resnet, "--dynamic-masks", "0"], "above 0"),
    ([resnet, "--early-exit", "--at", "nothing", "--limit", "60"], "makes \"nothing\""),
    ([resnet, "--early-exit", "--limit", "12"], "too few"),
    ([model, "--dynamic-masks", "0.9", "--limit", "12"], "no convolution"),
    ([sample, "--early-exit"], "ONNX"),
  ]
  for (arguments, words) in cases {
    let run = try outcome(["whatif"] + arguments)
    #expect(run.code == 2 && run.errors.contains(words), "\(arguments): \(run.errors)")
  }
}

/// Nothing else in an export needs linear algebra.
@Test(arguments: ["{ rank = 3 }", "{ structure = \"cp:40%\" }", "\"int4:channel\""])
func anExportLoadsTheLinearAlgebraItNeeds(treatment: String) throws {
  try withFolder { folder in
    let lines = root.appending(path: "Tests/ViseCommandTests/Fixtures/lines.onnx").path
    let plan = folder.appending(path: "plan.toml")
    try "version = 1\n[sites]\n\"outer\" = \(treatment)\n"
      .write(to: plan, atomically: true, encoding: .utf8)
    let outcome = try vise(
      "export", lines, "--plan", plan.path, "--to", "onnx", "--out",
      folder.appending(path: "out.onnx").path, "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let inspected = try vise(
      "inspect", folder.appending(path: "out.onnx").path, "--json"
    ).json
    #expect((inspected["sites"] as? [Any])?.count ?? 0 >= 4)
  }
}
