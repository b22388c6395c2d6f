import Testing
import ViseTensor

@testable import ViseEvaluation

/// The definition as the paper has it: bin by bin, all images looked at for each.
private func plainError(_ confidences: [Double], _ isRight: [Bool], bins: Int) -> Double {
  (1...bins).reduce(0) { sum, bin in
    let inside = confidences.indices.filter {
      confidences[$0] > Double(bin - 1) / Double(bins)
        && confidences[$0] <= Double(bin) / Double(bins)
    }
    guard !inside.isEmpty else { return sum }
    let accuracy = Double(inside.count { isRight[$0] }) / Double(inside.count)
    let confidence = inside.reduce(0) { $0 + confidences[$1] } / Double(inside.count)
    let share = Double(inside.count) / Double(confidences.count)
    return sum + share * abs(accuracy - confidence)
  }
}

@Test(arguments: [1, 7, 15, 40], 0..<5 as Range<UInt64>)
func theCalibrationErrorIsThatOfItsDefinition(bins: Int, seed: UInt64) {
  var source = RandomSource(seed: seed)
  let confidences = (0..<300).map { _ in source.nextUnit() }
  let isRight = confidences.map { source.nextUnit() < $0 * $0 }
  let found = ExpectedCalibrationError(
    confidences: confidences, isRight: isRight, binCount: bins)
  let plain = plainError(confidences, isRight, bins: bins)
  #expect(abs(found.value - plain) < 1e-12, "seed \(seed)")
  #expect(found.bins.reduce(0) { $0 + $1.images } == 300 && found.count == 300)
}

@Test func confidencesThatComeTrueAreNoError() {
  let sure = ExpectedCalibrationError(
    confidences: [1, 1, 0.75, 0.75, 0.75, 0.75], isRight: [true, true, true, true, false, true])
  #expect(sure.value == 0)
  let wrong = ExpectedCalibrationError(confidences: [1, 1], isRight: [false, false])
  #expect(wrong.value == 1 && wrong.bins.map(\.upper) == [1])
  #expect(ExpectedCalibrationError(confidences: [0], isRight: [false]).value == 0)
}

/// Rows of three logits, each of the reference and of a plan, and labels.
private func scores(_ count: Int, seed: UInt64, areProbabilities: Bool = false) -> ClassifierScores
{
  var source = RandomSource(seed: seed)
  func row() -> [Float] { (0..<3).map { _ in Float(source.nextUnit() * 4) } }
  let rows = (0..<count).map { _ in
    LogitComparison(reference: row()[...], planned: row()[...], areProbabilities: areProbabilities)
  }
  return ClassifierScores(rows, labels: (0..<count).map { _ in Int(source.next() % 3) })
}

@Test func classesAddUpToTheWhole() {
  let whole = scores(200, seed: 51)
  let classes = whole.classes
  #expect(classes.map(\.label) == [0, 1, 2], "seed 51")
  #expect(classes.reduce(0) { $0 + $1.images } == whole.count)
  #expect(classes.reduce(0) { $0 + $1.plannedHits } == whole.plannedHits)
  #expect(classes.reduce(0) { $0 + $1.referenceHits } == whole.referenceHits)
  #expect(classes.reduce(0) { $0 + $1.gained } == whole.gained)
  #expect(classes.reduce(0) { $0 + $1.lost } == whole.lost)
  for entry in classes {
    #expect(entry.plannedHits - entry.referenceHits == entry.gained - entry.lost)
    #expect(abs(entry.difference.mean - (entry.top1 - entry.referenceTop1)) < 1e-12)
  }
}

@Test func scoresInPartsAreTheWhole() {
  let (a, b) = (scores(40, seed: 52), scores(30, seed: 53))
  let joined = a.appending(b)
  #expect(joined.count == 70 && joined.plannedHits == a.plannedHits + b.plannedHits)
  #expect(joined.prefix(40).calibrationError == a.calibrationError)
  #expect(joined.prefix(1000).calibrationError == joined.calibrationError)
}

@Test func confidenceIsTheLargestProbability() {
  let logits = LogitComparison(reference: [0, 0, 0], planned: [0, 100, 0])
  #expect(abs(logits.referenceConfidence - 1.0 / 3) < 1e-12)
  #expect(abs(logits.plannedConfidence - 1) < 1e-12)
  let given = LogitComparison(
    reference: [0.25, 0.75], planned: [0.5, 0.5], areProbabilities: true)
  #expect(given.referenceConfidence == 0.75 && given.plannedConfidence == 0.5)
}
