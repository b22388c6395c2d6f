import Testing
import ViseTensor

@testable import ViseCompression

private let cases = LowRankCases()

private func key(_ site: String) -> DecompositionCache.Key {
  DecompositionCache.Key(site: site, sparsity: nil, method: .svd)
}

@Test func aDecompositionIsMadeOnceWhileThereIsRoomForIt() throws {
  try BLAS.load()
  let weight = cases.weight
  let made = try SVDFactorization().decompose(weight)
  // Room for two.
  let cache = DecompositionCache(byteLimit: 2 * made.byteCount)
  var count = 0
  func ask(_ site: String) throws {
    _ = try cache.value(for: key(site)) { () throws(LinearAlgebraError) in
      count += 1
      return try SVDFactorization().decompose(weight)
    }
  }
  for site in ["a", "a", "b", "a"] { try ask(site) }
  #expect(count == 2)
  // The third takes the place of the one used longest ago, which is b.
  try ask("c")
  try ask("a")
  #expect(count == 3)
  try ask("b")
  #expect(count == 4)
  let small = DecompositionCache(byteLimit: made.byteCount - 1)
  for expected in 1...2 {
    var again = false
    _ = try small.value(for: key("a")) { () throws(LinearAlgebraError) in
      again = true
      return made
    }
    #expect(again, "round \(expected)")
  }
}

@Test func rememberedDecompositionsGiveTheSameSites() throws {
  try BLAS.load()
  let weight = cases.weight
  let site = Site(
    index: 0, name: "w", role: .ffnUp, block: 0, rows: weight.rows, columns: weight.columns,
    stored: .f16)
  let cache = DecompositionCache(byteLimit: 1 << 20)
  for rank in [5, 3, 7] {
    let values = try [cache, nil].map { cache in
      try SiteCompression(
        treatment: Treatment(lowRank: LowRank(rank: rank)), calibration: nil,
        factors: InputFactorCache(), decompositions: cache, work: RowWork(pool: nil)
      ).compress(weight, site: site).values().values
    }
    #expect(values[0] == values[1])
  }
}
