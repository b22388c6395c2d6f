import Glibc
import Testing
import ViseCompression
import ViseTensor

/// Sites whose weights differ in size a hundredfold.
private func sites() -> [Matrix] {
  var random = TestWeights(seed: 71)
  return [(40, 1.0), (30, 0.1), (50, 0.01)].map { rows, deviation in
    Matrix(rows: rows, columns: 32, values: random.normal(rows * 32, deviation: Float(deviation)))
  }
}

@Test func globalMagnitudeIsOneThresholdForAllSites() throws {
  let sites = sites()
  let all = sites.flatMap { $0.values.map { abs($0) } }.sorted()
  for ratio in [0.1, 0.5, 0.8] {
    let removed = Int((ratio * Double(all.count)).rounded())
    let limit = all[removed - 1]
    let counts = GlobalMagnitude(ratio: ratio, minimumKept: 0).keptCounts(sites)
    #expect(counts == sites.map { site in site.values.count { abs($0) > limit } })
    #expect(counts.reduce(0, +) == all.count - removed)
  }
  #expect(
    GlobalMagnitude(ratio: 0, minimumKept: 0).keptCounts(sites) == sites.map { $0.count })
}

@Test func everySiteKeepsItsFloorAndTheOthersPayForIt() throws {
  let sites = sites()
  let plain = GlobalMagnitude(ratio: 0.7, minimumKept: 0).keptCounts(sites)
  let floored = GlobalMagnitude(ratio: 0.7, minimumKept: 200).keptCounts(sites)
  #expect(plain[2] < 200)
  #expect(floored[2] == 200)
  #expect(floored.allSatisfy { $0 >= 200 })
  #expect(floored.reduce(0, +) == plain.reduce(0, +))
  #expect(floored[0] < plain[0])
  // Floors beyond what the ratio leaves win over it; no site keeps more than it has.
  #expect(
    GlobalMagnitude(ratio: 0.9, minimumKept: 1000).keptCounts(sites) == [1000, 960, 1000])
}

@Test func equalMagnitudesAreRemovedOnlyAsFarAsNeeded() {
  let flat = Matrix(rows: 2, columns: 5, values: [Float](repeating: -1, count: 10))
  #expect(GlobalMagnitude(ratio: 0.3, minimumKept: 0).keptCounts([flat, flat]) == [4, 10])
}

@Test(arguments: [1, 7, 64, 100])
func equalMagnitudesAmongZerosAreAllThatMatters(kept: Int) {
  let values = (0..<100).map { $0 < kept ? Float($0 % 2 == 0 ? 0.3 : -0.3) : 0 }
  for (p, q) in [(0.5, 1.5), (1.0, 2.0), (0.2, 4.0)] {
    let measure = PQIndex(p: p, q: q)
    let index = measure.index(values)
    #expect(abs((1 - index) - pow(Double(kept) / 100, 1 / p - 1 / q)) < 1e-9)
    #expect((kept...kept + 1).contains(measure.keptCount(index: index, count: 100)))
    #expect(abs(measure.index(values.map { $0 * 1e20 }) - index) < 1e-9)
  }
}

@Test func unequalMagnitudesHaveAHigherIndex() {
  let measure = PQIndex()
  let flat = measure.index((0..<100).map { 1 + Float($0) / 100 })
  let steep = measure.index((0..<100).map { Float($0 * $0 * $0) })
  #expect(flat >= 0 && flat < steep && steep < 1)
  #expect(
    measure.keptCount(index: steep, count: 100) < measure.keptCount(index: flat, count: 100))
  #expect(measure.index([0, 0]) == 0)
}

@Test func weightsReadOneByOneAreCountedAlikeAndKeepTheirShare() {
  let sites = sites()
  let method = GlobalMagnitude(ratio: 0.7, minimumShare: 0.25)
  let counts = method.keptCounts(sites)
  #expect(method.keptCounts(weightCounts: sites.map(\.count)) { sites[$0] } == counts)
  for (site, count) in zip(sites, counts) { #expect(count >= site.count / 4) }
  #expect(counts[2] == sites[2].count / 4)
  let plain = GlobalMagnitude(ratio: 0.7).keptCounts(sites)
  #expect(counts.reduce(0, +) == plain.reduce(0, +))
}

@Test func adaptedRatiosMeetTheirTotalAndSpareSitesWhoseWeightsAllMatter() {
  let measure = PQIndex()
  var random = TestWeights(seed: 78)
  let flat = (0..<1000).map { _ in random.uniform() < 0.5 ? Float(-1) : 1 }
  let bell = random.normal(3000, deviation: 1)
  let spiky = bell.map { $0 * $0 * $0 * $0 * $0 }
  let sites = [flat, bell, spiky].map { (index: measure.index($0), count: $0.count) }
  for ratio in [0.1, 0.3, 0.5] {
    let ratios = measure.ratios(of: sites, ratio: ratio)
    let removed = zip(ratios, sites).reduce(0.0) { $0 + $1.0 * Double($1.1.count) }
    #expect(abs(removed / 7000 - ratio) < 1e-6)
    #expect(ratios[0] < ratios[1] && ratios[1] < ratios[2])
  }
  // What no site may lose is not lost.
  #expect(measure.ratios(of: sites, ratio: 0.95, limit: 0.4).allSatisfy { $0 <= 0.4 })
}
