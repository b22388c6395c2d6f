import Testing
import ViseEstimates
import ViseTensor

@testable import ViseEvaluation

/// Of samples of one distribution, the interval has its median in at least the share it claims.
@Test(arguments: [7, 12, 41])
func intervalsOfMediansHaveTheMedian(count: Int) {
  var random = RandomSource(seed: 31)
  let trials = 4000
  var inside = 0
  for _ in 0..<trials {
    // Skewed as times are: most near 1, some far above.
    let sample = (0..<count).map { _ in 1 / (1.0001 - random.nextUnit()) }.sorted()
    let interval = GraphTimer.interval(ofMedian: sample)
    if interval.lower <= 2 / 1.0002 && 2 / 1.0002 <= interval.upper { inside += 1 }
    #expect(interval.lower <= sample[count / 2] && sample[count / 2] <= interval.upper)
  }
  let share = Double(inside) / Double(trials)
  #expect(share >= 0.9 - 0.015 && (count == 7 || share < 0.975), "\(share), seed 31")
}
