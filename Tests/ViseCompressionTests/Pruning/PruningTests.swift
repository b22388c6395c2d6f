import Testing
import ViseCompression
import ViseTensor

private let sharedCases = Result { try PruningCases(rows: 37, columns: 336, seed: 31) }

private let patterns: [Sparsity] = [
  Sparsity(ratio: 0.5), Sparsity(ratio: 0.3), Sparsity(ratio: 0.87),
  Sparsity(ratio: 0, pattern: .nOfM(kept: 2, of: 4)),
  Sparsity(ratio: 0, pattern: .nOfM(kept: 1, of: 8)),
  Sparsity(ratio: 0, pattern: .nOfM(kept: 24, of: 48)),
]

@Test(arguments: PruningMethod.allCases.filter { $0.suits(.unstructured) }, patterns)
func everyRowKeepsExactlyItsCountAndEveryGroupItsPattern(
  method: PruningMethod, sparsity: Sparsity
) throws {
  let cases = try sharedCases.get()
  let pruned = try cases.prune(method, sparsity)
  // SparseGPT's rows share a count; the whole keeps it exactly.
  let sharesCount = method == .sparseGPT && sparsity.pattern == .unstructured
  if sharesCount {
    let removed = (sparsity.ratio * 37 * 336).rounded()
    #expect(pruned.mask.keptCount == 37 * 336 - Int(removed))
  }
  for row in 0..<37 {
    if !sharesCount {
      #expect(pruned.mask.keptCount(row: row) == sparsity.keptCount(columns: 336))
    }
    // No weight of the case is zero, and no correction makes one so.
    #expect(
      (0..<336).allSatisfy { (pruned.values.row(row)[$0] != 0) == pruned.mask[row, $0] })
    guard case .nOfM(let kept, let group) = sparsity.pattern else { continue }
    for first in stride(from: 0, to: 336, by: group) {
      #expect((first..<first + group).count { pruned.mask[row, $0] } == kept)
    }
  }
}

@Test(arguments: patterns)
func eachMethodThatKnowsMoreLeavesASmallerErrorOfTheOutputs(sparsity: Sparsity) throws {
  let cases = try sharedCases.get()
  let magnitude = cases.error(try cases.prune(.magnitude, sparsity).values)
  let wanda = cases.error(try cases.prune(.wanda, sparsity).values)
  let sparse = cases.error(try cases.prune(.sparseGPT, sparsity).values)
  #expect(wanda < 0.9 * magnitude)
  #expect(sparse < 0.9 * wanda)
}

@Test func magnitudePruningKeepsTheLargestOfEachRow() throws {
  let cases = try PruningCases(rows: 20, columns: 200, seed: 33)
  let pruned = try cases.prune(.magnitude, Sparsity(ratio: 0.4))
  for row in 0..<20 {
    let magnitudes = (0..<200).map { abs(cases.weight.row(row)[$0]) }
    let limit = magnitudes.sorted()[79]
    for column in 0..<200 { #expect(pruned.mask[row, column] == (magnitudes[column] > limit)) }
  }
}

@Test func wandaFollowsThePapersScore() throws {
  let cases = try PruningCases(rows: 20, columns: 96, seed: 34)
  let norms = (0..<96).map { column in
    (0..<cases.tokens.rows).reduce(0.0) {
      $0 + Double(cases.tokens.row($1)[column]) * Double(cases.tokens.row($1)[column])
    }.squareRoot()
  }
  let half = try cases.prune(.wanda, Sparsity(ratio: 0.5))
  let groups = try cases.prune(.wanda, Sparsity(ratio: 0, pattern: .nOfM(kept: 2, of: 4)))
  for row in 0..<20 {
    let scores = (0..<96).map { abs(Double(cases.weight.row(row)[$0])) * norms[$0] }
    let limit = scores.sorted()[47]
    for column in 0..<96 {
      #expect(half.mask[row, column] == (scores[column] > limit))
      let group = scores[column / 4 * 4..<column / 4 * 4 + 4].sorted()
      #expect(groups.mask[row, column] == (scores[column] > group[1]))
      let kept = half.mask[row, column] ? cases.weight.row(row)[column] : 0
      #expect(half.values.row(row)[column] == kept)
    }
  }
}

/// SparseGPT of one row as its paper writes it down, in double; `groups` says how long each group
/// is and how many weights of it go.
private func plainSparseGPT(
  _ weights: [Double], inverseFactor u: Matrix, groups: [(length: Int, pruned: Int)]
) -> (values: [Double], kept: [Bool]) {
  var w = weights
  var kept = [Bool](repeating: true, count: w.count)
  var first = 0
  for group in groups {
    let range = first..<first + group.length
    let costs = range.map { column in
      let share = w[column] / Double(u.row(column)[column])
      return (column, share * share)
    }
    for (column, _) in costs.sorted(by: { $0.1 < $1.1 }).prefix(group.pruned) {
      kept[column] = false
    }
    for j in range where !kept[j] {
      let error = w[j] / Double(u.row(j)[j])
      for k in j..<w.count { w[k] -= error * Double(u.row(j)[k]) }
      w[j] = 0
    }
    first += group.length
  }
  return (w, kept)
}

@Test(arguments: [true, false])
func sparseGPTFollowsThePapersAlgorithm(inGroups: Bool) throws {
  let cases = try PruningCases(rows: 21, columns: 320, seed: 35)
  let factor = try cases.factor()
  let sparsity =
    inGroups ? Sparsity(ratio: 0, pattern: .nOfM(kept: 2, of: 4)) : Sparsity(ratio: 0.5)
  let found = try cases.prune(.sparseGPT, sparsity)
  // What each block of columns loses is half of it over all rows, by the costs beforehand.
  let blocks = [0..<128, 128..<256, 256..<320]
  let costs = (0..<21).map { row in
    (0..<320).map { column in
      let root = Double(cases.weight.row(row)[column] / factor.inverseFactor.row(column)[column])
      return root * root
    }
  }
  let limits = blocks.map { range in
    costs.flatMap { $0[range] }.sorted()[21 * range.count / 2 - 1]
  }
  var different = 0
  for row in 0..<21 {
    let weights = (0..<320).map { Double(cases.weight.row(row)[$0]) }
    var groups = [(length: Int, pruned: Int)](repeating: (4, 2), count: 80)
    if !inGroups {
      groups = zip(blocks, limits).map { range, limit in
        (range.count, range.count { costs[row][$0] <= limit })
      }
    }
    let expected = plainSparseGPT(
      weights, inverseFactor: factor.inverseFactor, groups: groups)
    for column in 0..<320 where found.mask[row, column] != expected.kept[column] { different += 1 }
    guard (0..<320).allSatisfy({ found.mask[row, $0] == expected.kept[$0] }) else { continue }
    for column in 0..<320 {
      #expect(abs(Double(found.values.row(row)[column]) - expected.values[column]) < 1e-5)
    }
  }
  // Float and double may part where two costs are nearly equal.
  #expect(different <= 21 * 320 / 500)
}

@Test func masksOfWholeRowsAndOfManyThreadsAreTheSame() throws {
  let cases = try PruningCases(rows: 300, columns: 256, seed: 36)
  let factor = try cases.factor()
  let alone = try SparseGPT(sparsity: Sparsity(ratio: 0.5), factor: factor)
    .prune(cases.weight, work: RowWork(pool: nil))
  let shared = try SparseGPT(sparsity: Sparsity(ratio: 0.5), factor: factor)
    .prune(cases.weight, work: cases.work)
  #expect(alone.mask == shared.mask)
  #expect(alone.values.values == shared.values.values)
  let moved = alone.mask.applied(to: cases.weight)
  let factors = alone.mask.factors(0..<300)
  #expect(
    zip(moved.values, zip(cases.weight.values, factors.values)).allSatisfy { $0 == $1.0 * $1.1 })
}
