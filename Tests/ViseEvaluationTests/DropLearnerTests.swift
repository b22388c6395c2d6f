import Testing
import ViseCompression
import ViseEstimates
import ViseTensor

@testable import ViseEvaluation

@Test func measuredPlansGiveThePredictedChangeOfAccuracyItsInterval() throws {
  var random = RandomSource(seed: 12)
  var learner = DropLearner(images: 200, classes: 10)
  func prediction(_ lost: Int) -> ClassifierPredictor.Prediction {
    ClassifierPredictor.Prediction(
      superposed: Double(lost) / 100, sum: Double(lost) / 100, hits: 90 - lost, referenceHits: 90,
      agreements: 100 - lost, images: 100)
  }
  for index in 1...12 {
    let plan = Plan(
      only: "layer\(index)", treatment: try #require(Treatment(name: "prune=0.\(index + 10)")))
    let guess = learner.change(of: plan, prediction(index), .predicted(tokens: 100))
    #expect((guess.interval != nil) == (index > PredictionCalibration.fewestTrials))
    if index <= PredictionCalibration.fewestTrials { #expect(guess.value == -Double(index) / 100) }
    let wrong = 2 * index + Int(random.next() % 3)
    learner.learn(
      plan,
      ClassifierScores(
        (0..<200).map { image in
          LogitComparison(reference: [0, 1], planned: image < wrong ? [1, 0] : [0, 1])
        }, labels: [Int](repeating: 1, count: 200)))
  }
  let estimate = learner.change(of: Plan(), prediction(6), .predicted(tokens: 100))
  let interval = try #require(estimate.interval)
  #expect(interval.lower <= estimate.value && estimate.value <= interval.upper)
  #expect(abs(estimate.value + 0.065) < 0.01)
}
