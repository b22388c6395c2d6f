import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseGraphs
import ViseTensor

@testable import ViseEvaluation

@Test func quotedFieldsKeepCommasAndQuotes() {
  let records = SentencePairs.records("a,b,1\r\n\"x, \"\"y\"\"\",\"two\nlines\",2.5\n\"\",é,0")
  #expect(records == [["a", "b", "1"], ["x, \"y\"", "two\nlines", "2.5"], ["", "é", "0"]])
}

@Test(arguments: ["a,b\n", "a,b,c\n", "a,b,nan\n", "a,b,1,2\n"])
func linesThatAreNoPairsAreNamed(line: String) throws {
  let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv")
  defer { try? FileManager.default.removeItem(at: url) }
  try Data("a,b,1\n\(line)".utf8).write(to: url)
  #expect(throws: SentencePairsError.invalidLine(path: url.path, line: 2)) {
    try SentencePairs(path: url.path)
  }
}

@Test func theOrderOfCosinesIsComparedWithTheScores() {
  let unit: [[Float]] = [[1, 0], [0.8, 0.6], [0, 1], [-1, 0]]
  let vectors = [unit[0], unit[1], unit[0], unit[2], unit[0], unit[3]]
  let same = EncoderScores(reference: vectors, planned: vectors, scores: [3, 2, 1])
  #expect(same.referenceSpearman == 1 && same.agreement.allSatisfy { abs($0 - 1) < 1e-6 })
  let turned = EncoderScores(
    reference: vectors, planned: [unit[0], unit[3], unit[0], unit[2], unit[0], unit[1]],
    scores: [3, 2, 1])
  #expect(turned.plannedSpearman == -1)
}

/// The folder of a real encoder; tests of it are skipped where it is absent.
private let encoder =
  (ProcessInfo.processInfo.environment["VISE_MODELS"]
    ?? NSHomeDirectory() + "/.cache/vise/models") + "/all-MiniLM-L6-v2"

@Test(.enabled(if: FileManager.default.fileExists(atPath: encoder + "/model.safetensors")))
func aRealEncoderFindsLikeSentencesAlikeAndSurvivesEightBits() throws {
  let model = try GraphModel.open(path: encoder)
  let pairs = SentencePairs([
    .init(first: "A plane is taking off.", second: "An air plane is taking off.", score: 5),
    .init(first: "A man plays a large flute.", second: "A man is playing a flute.", score: 3.8),
    .init(first: "A man is smoking.", second: "A man is skating.", score: 0.5),
  ])
  let evaluator = try EncoderEvaluator(
    model: model, tokenizer: Tokenizer(checkpoint: Checkpoint.open(encoder)), pairs: pairs,
    pool: ComputePool(threadCount: 2), byteLimit: 1 << 28)
  var plan = Plan()
  let site = try #require(model.sites.first { $0.site.name.contains("layer.3.intermediate") })
  plan[site.site.name] = try #require(Treatment(name: "int8:channel"))
  let scores = try evaluator.measure(
    PlannedGraph(model, plan: plan, work: RowWork(pool: nil)), cancellation: CancellationFlag())
  #expect(scores.referenceSpearman == 1)
  #expect(scores.agreement.allSatisfy { $0 > 0.999 && $0 < 1 })
}
