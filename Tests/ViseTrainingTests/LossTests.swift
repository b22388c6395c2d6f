import Testing
import ViseTensor

@testable import ViseTraining

private func uniform(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  return Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit() * 4 - 2) })
}

private func evaluate(
  _ loss: DistillationLoss, _ logits: Tensor, _ teacher: Tensor
) throws -> (value: DistillationLoss.Value, gradient: [Float]) {
  let gradient = Tensor(.float32, logits.shape)
  let value = try loss.evaluate(
    logits, teacher: teacher, labels: [2, 0, 4], batchLength: 3, gradient: gradient)
  return (value, gradient.values(Float.self))
}

@Test(arguments: [0, 0.3, 1] as [Float], [1, 2] as [UInt64])
func theLossHasTheGradientOfDifferences(weight: Float, seed: UInt64) throws {
  let loss = DistillationLoss(teacherWeight: weight, temperature: 3)
  let (logits, teacher) = (uniform([3, 5], seed: seed), uniform([3, 5], seed: seed + 10))
  let slopes = try evaluate(loss, logits, teacher).gradient
  for index in slopes.indices {
    func moved(_ by: Float) throws -> Double {
      var values = logits.values(Float.self)
      values[index] += by
      return try evaluate(loss, Tensor([3, 5], values), teacher).value.loss / 3
    }
    let difference = try (moved(1 / 256) - moved(-1 / 256)) * 128
    #expect(abs(Double(slopes[index]) - difference) < 1e-4, "seed \(seed), logit \(index)")
  }
}

@Test func aModelThatAgreesWithItsTeacherHasNoLossAndNoGradient() throws {
  let logits = uniform([3, 5], seed: 3)
  let result = try evaluate(DistillationLoss(teacherWeight: 1), logits, logits)
  #expect(abs(result.value.loss) < 1e-12 && result.value.hits == 3)
  #expect(result.gradient.allSatisfy { abs($0) < 1e-7 })
}

@Test func aLabelThatIsNoClassIsRefused() {
  let logits = uniform([3, 4], seed: 3)
  #expect(throws: TrainingError.labelOutOfRange(4, classes: 4)) {
    try evaluate(DistillationLoss(teacherWeight: 0), logits, logits)
  }
}

@Test func ratesRiseToTheirPeakAndFallToZero() {
  for schedule in [LearningRate.Schedule.cosine, .oneCycle] {
    let rate = LearningRate(schedule, peak: 0.1, stepCount: 200)
    let rates = (0..<200).map { rate.rate(at: $0) }
    let top = rates.indices.max { rates[$0] < rates[$1] } ?? 0
    #expect(top == (schedule == .cosine ? 10 : 60) && abs(rates[top] - 0.1) < 1e-4)
    #expect(zip(rates[..<top], rates[1...top]).allSatisfy { $0 < $1 })
    #expect(zip(rates[top...], rates[(top + 1)...]).allSatisfy { $0 > $1 })
    #expect(rates[199] >= 0 && rates[199] < 1e-4)
  }
  #expect(LearningRate(.constant, peak: 0.1, stepCount: 9).rate(at: 7) == 0.1)
}

@Test func stepsFollowTheirFormulas() {
  var options = TrainingOptions()
  options.decay = 0.1
  options.method = .sgd(momentum: 0.5)
  let start = [Tensor([2], [1, -2] as [Float]), Tensor([1], [3] as [Float])]
  var sgd = Optimizer(options, weights: start, decays: [true, false])
  sgd.step([Tensor([2], [0.4, 0] as [Float]), Tensor([1], [1] as [Float])], rate: 0.1)
  sgd.step([Tensor([2], [0, 0] as [Float]), Tensor([1], [0] as [Float])], rate: 0.1)
  // v = 0.5; w = 1 − 0.1·(0.5 + 0.25) = 0.925; then slope 0.0925, v = 0.3425, w −= 0.1·0.26375.
  #expect(abs(sgd.weights[0].values(Float.self)[0] - 0.898625) < 1e-6)
  // v = 1, w = 3 − 0.15; then v = 0.5, w −= 0.025.
  #expect(abs(sgd.weights[1].values(Float.self)[0] - 2.825) < 1e-6)
  #expect(start[0].values(Float.self) == [1, -2])

  options.decay = 0
  options.method = .adam(beta1: 0.9, beta2: 0.999)
  var adam = Optimizer(options, weights: start, decays: [true, true])
  adam.step([Tensor([2], [5, -0.01] as [Float]), Tensor([1], [2] as [Float])], rate: 0.01)
  // The first step is the rate in the direction of the gradient.
  #expect(abs(adam.weights[0].values(Float.self)[0] - 0.99) < 1e-5)
  #expect(abs(adam.weights[0].values(Float.self)[1] + 1.99) < 1e-5)
}

@Test func imagesAreMirroredAndMovedByTheirNumberAlone() {
  let images = Tensor([2, 1, 3, 3], (0..<18).map { Float($0) })
  let change = ImageAugmentation(mirrors: true, shift: 1)
  let made = change.applied(to: images, indices: [7, 9], epoch: 2, seed: 5)
  let alone = change.applied(
    to: Tensor([1, 1, 3, 3], (9..<18).map { Float($0) }), indices: [9], epoch: 2, seed: 5)
  #expect(Array(made.values(Float.self)[9...]) == alone.values(Float.self))
  #expect(Set(made.values(Float.self)[..<9]).isSubset(of: Set((0..<9).map { Float($0) })))
  let different = (0..<20).map {
    change.applied(to: images, indices: [7, 9], epoch: $0, seed: 5).values(Float.self)
  }
  #expect(Set(different).count > 5)
  #expect(
    ImageAugmentation().applied(to: images, indices: [7, 9], epoch: 2, seed: 5)
      .values(Float.self) == images.values(Float.self))
}
