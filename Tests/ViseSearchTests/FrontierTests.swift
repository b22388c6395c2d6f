import Testing
import ViseEstimates
import ViseTensor

struct FrontierTests {
  @Test func plansWithinEachOthersIntervalsBothStay() {
    let frontier = Frontier([
      FrontierPoint(index: 0, costs: [10], loss: 0.10, lower: 0.09, upper: 0.11),
      FrontierPoint(index: 1, costs: [11], loss: 0.105, lower: 0.095, upper: 0.115),
      FrontierPoint(index: 2, costs: [12], loss: 0.20, lower: 0.19, upper: 0.21),
    ])
    #expect(frontier.points.map(\.index) == [0, 1])
    #expect(frontier.beaten.map(\.index) == [2])
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func nothingOnTheFrontierIsSurelyBeatenAndAllElseIs(seed: UInt64) {
    var random = RandomSource(seed: seed)
    let points = (0..<60).map { index in
      let loss = random.nextUnit()
      return FrontierPoint(
        index: index, costs: [random.nextUnit(), random.nextUnit()], loss: loss,
        lower: loss - 0.02, upper: loss + 0.02)
    }
    let frontier = Frontier(points)
    func isBeaten(_ point: FrontierPoint) -> Bool {
      points.contains { other in
        other.upper < point.lower && zip(other.costs, point.costs).allSatisfy { $0 <= $1 }
      }
    }
    #expect(frontier.points.allSatisfy { !isBeaten($0) }, "seed \(seed)")
    #expect(frontier.beaten.allSatisfy { isBeaten($0) }, "seed \(seed)")
    #expect(frontier.points.count + frontier.beaten.count == points.count)
  }
}
