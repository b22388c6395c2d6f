import Foundation
import Testing

private let model = root.appending(path: "Tests/ViseCommandTests/Fixtures/lines.onnx").path

/// Images of 8 × 8 noise with a bright line, upright or level, as IDX files; the images' path.
private func lines(_ folder: URL, count: Int, first: Int) throws -> String {
  var (images, labels): ([UInt8], [UInt8]) = ([], [])
  var state = UInt32(first)
  func next() -> Int {
    state = state &* 1_664_525 &+ 1_013_904_223
    return Int(state >> 16)
  }
  for index in 0..<count {
    let line = next() % 8
    labels.append(UInt8(index % 2))
    for pixel in 0..<64 {
      let isLine = (index % 2 == 0 ? pixel % 8 : pixel / 8) == line
      images.append(UInt8(isLine ? 255 : next() % 100))
    }
  }
  func header(_ sizes: [Int]) -> [UInt8] {
    [0, 0, 8, UInt8(sizes.count)]
      + sizes.flatMap {
        [UInt8($0 >> 24), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)]
      }
  }
  let name = "lines\(first)-images-idx3-ubyte"
  try Data(header([count, 8, 8]) + images).write(to: folder.appending(path: name))
  try Data(header([count]) + labels).write(
    to: folder.appending(path: "lines\(first)-labels-idx1-ubyte"))
  return folder.appending(path: name).path
}

private func plan(_ folder: URL, _ treatment: String) throws -> String {
  let file = folder.appending(path: "plan.toml")
  try "version = 1\n[sites]\n\"outer\" = \(treatment)\n"
    .write(to: file, atomically: true, encoding: .utf8)
  return file.path
}

@Test func tuningRecoversWhatAPlanLost() throws {
  try withFolder { folder in
    let (train, test) = (
      try lines(folder, count: 400, first: 1), try lines(folder, count: 100, first: 2)
    )
    let out = folder.appending(path: "tuned.onnx").path
    let half = try plan(folder, "{ prune = 0.5, pattern = \"channels\" }")
    let arguments = [
      "tune", model, "--plan", half, "--data", train, "--against", test, "--out", out, "--epochs",
      "6", "--batch", "32", "--rate", "0.1", "--distill", "0", "--json",
    ]
    let result = try outcome(arguments)
    #expect(result.code == 0, "\(result.errors)")
    let report = try result.json
    let measured = try #require(report["measured"] as? [String: Any])
    let top1 = try #require(measured["top1"] as? Double)
    #expect(top1 > 0.9)
    let (macs, reference) = (report["macs"] as? Int ?? 0, report["reference_macs"] as? Int ?? 0)
    #expect(macs > 0 && macs < reference)
    #expect((report["epochs"] as? [Any])?.count == 6)
    #expect(!FileManager.default.fileExists(atPath: out + ".training"))
    // The file is a model like any other, and has the accuracy that was reported.
    let again = try vise("measure", out, "--data", test, "--json").json
    #expect(again["reference_top1"] as? Double == top1)
    #expect(try outcome(arguments).code == 1)
  }
}

@Test func tuningNeedsNoLabelsWhereTheModelTeaches() throws {
  try withFolder { folder in
    let train = try lines(folder, count: 64, first: 3)
    try FileManager.default.removeItem(
      at: folder.appending(path: "lines3-labels-idx1-ubyte"))
    let coded = try plan(folder, "\"int4:channel\"")
    let out = folder.appending(path: "tuned.onnx").path
    func tune(_ weight: String) throws -> Outcome {
      try vise(
        "tune", model, "--plan", coded, "--data", train, "--out", out, "--epochs", "1",
        "--distill", weight, "--json")
    }
    #expect(try tune("0.5").code == 2)
    let result = try tune("1")
    #expect(result.code == 0, "\(result.errors)")
    #expect(try result.json["frozen"] as? [String] == [])
  }
}

@Test func tuningRefusesBadOptionsAndFiles() throws {
  try withFolder { folder in
    let out = folder.appending(path: "tuned.onnx").path
    let wrongFile = try vise("tune", model, "--data", model, "--out", out)
    let noData = try vise("tune", model, "--out", out)
    #expect(wrongFile.code == 2 && noData.code == 2)
    for bad in [["--distill", "1.5"], ["--epochs", "0"], ["--rate", "-1"], ["--shift", "-2"]] {
      let refused = try outcome(["tune", model, "--data", model, "--out", out] + bad)
      #expect(refused.code == 2)
    }
    #expect(!FileManager.default.fileExists(atPath: out))
  }
}
