import Testing
import ViseCompression
import ViseTensor

private let half = Sparsity(ratio: 0.5)
private let pairs = Sparsity(ratio: 0, pattern: .nOfM(kept: 2, of: 4))

@Test(arguments: [half, pairs])
func exactOBSFollowsThePapersAlgorithm(sparsity: Sparsity) throws {
  let cases = try PruningCases(rows: 6, columns: 24, seed: 61)
  let inverse = plainInverse(try cases.factor().moment)
  let found = try cases.prune(.exactOBS, sparsity)
  for row in 0..<6 {
    var w = (0..<24).map { Double(cases.weight.row(row)[$0]) }
    var h = inverse
    var kept = Set(0..<24)
    for _ in 0..<12 {
      let open = kept.filter { column in
        guard sparsity == pairs else { return true }
        return kept.count { $0 / 4 == column / 4 } > 2
      }
      let p = try #require(
        open.min { w[$0] * w[$0] / h[$0][$0] < w[$1] * w[$1] / h[$1][$1] })
      let (column, diagonal, step) = (h.map { $0[p] }, h[p][p], w[p] / h[p][p])
      for k in 0..<24 {
        w[k] -= step * column[k]
        for l in 0..<24 { h[k][l] -= column[k] * column[l] / diagonal }
      }
      kept.remove(p)
      w[p] = 0
    }
    for column in 0..<24 {
      #expect(found.mask[row, column] == kept.contains(column))
      let expected = kept.contains(column) ? w[column] : 0
      #expect(abs(Double(found.values.row(row)[column]) - expected) < 1e-4)
    }
  }
}

@Test(arguments: [half, pairs])
func exactOBSLeavesASmallerErrorThanASweep(sparsity: Sparsity) throws {
  let cases = try PruningCases(rows: 24, columns: 128, seed: 62)
  let factor = try cases.factor()
  func error(_ method: PruningMethod) throws -> Double {
    factor.outputError(of: try cases.prune(method, sparsity).values, from: cases.weight)
  }
  #expect(try error(.exactOBS) < 0.95 * error(.sparseGPT))
}

@Test(arguments: [half, pairs])
func noValuesOfAMaskAreBetterThanItsReformation(sparsity: Sparsity) throws {
  let cases = try PruningCases(rows: 24, columns: 128, seed: 63)
  let factor = try cases.factor()
  for method in [PruningMethod.wanda, .sparseGPT, .exactOBS] {
    let pruned = try cases.prune(method, sparsity)
    let best = try Reformation(factor: factor)
      .reform(cases.weight, mask: pruned.mask, work: cases.work)
    #expect(best.mask == pruned.mask)
    let before = factor.outputError(of: pruned.values, from: cases.weight)
    let after = factor.outputError(of: best.values, from: cases.weight)
    #expect(after < before * (1 + 1e-4))
    if method == .wanda { #expect(after < 0.9 * before) }
    // At the optimum the gradient of the error vanishes along every kept weight.
    let change = LinearAlgebra.product(
      Matrix(
        rows: 24, columns: 128,
        values: zip(best.values.values, cases.weight.values).map { $0 - $1 }), factor.moment)
    let scale = LinearAlgebra.product(cases.weight, factor.moment).values.map { abs($0) }.max() ?? 0
    for row in 0..<24 {
      #expect(
        (0..<128).allSatisfy { !best.mask[row, $0] || abs(change.row(row)[$0]) < 1e-4 * scale })
    }
  }
}

@Test(arguments: [half, pairs])
func repairBringsMeanOutputsBackAndKeepsCounts(sparsity: Sparsity) throws {
  let cases = try PruningCases(rows: 24, columns: 128, seed: 64)
  let mean = cases.meanSquares.enumerated().map { index, square in
    (index % 3 == 0 ? -0.6 : 0.4) * square.squareRoot()
  }
  let statistics = SiteCalibration(
    tokenCount: 256, secondMoment: cases.secondMoment, mean: mean,
    minimum: cases.statistics.minimum, maximum: cases.statistics.maximum)
  var repair = MaskRepair(sparsity: sparsity, statistics: statistics)
  repair.tolerance = 0.002
  let before = try cases.prune(.wanda, sparsity)
  let after = try repair.repair(before.mask, of: cases.weight, work: cases.work)
  func meanError(_ mask: Mask, _ row: Int) -> Double {
    (0..<128).reduce(0.0) {
      mask[row, $1] ? $0 : $0 + Double(cases.weight.row(row)[$1]) * Double(mean[$1])
    }
  }
  var lessened = 0
  for row in 0..<24 {
    let (old, new) = (abs(meanError(before.mask, row)), abs(meanError(after.mask, row)))
    #expect(new <= old + 1e-5)
    if new < 0.5 * old { lessened += 1 }
    #expect(after.mask.keptCount(row: row) == 64)
    guard sparsity == pairs else { continue }
    #expect(
      stride(from: 0, to: 128, by: 4).allSatisfy { first in
        (first..<first + 4).count { after.mask[row, $0] } == 2
      })
  }
  // An exchange within four weights has fewer to choose from.
  #expect(lessened >= (sparsity == pairs ? 8 : 12))
  #expect(after.values.values == after.mask.applied(to: cases.weight).values)
}

@Test func methodsOfModerateWidthRefuseWiderRows() throws {
  try BLAS.load()
  let factor = try InputFactor(secondMoment: .identity(ExactOBS.columnLimit + 1))
  #expect(
    throws: CompressionError.unsuitable(
      "obs needs rows of at most 2048, this site's are 2049")
  ) { try ExactOBS(sparsity: half, factor: factor) }
}
