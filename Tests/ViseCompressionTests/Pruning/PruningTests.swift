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

/// SparseGPT as its paper writes it down, in double; `groups` says how long each group of columns is
/// and how many weights of it go: of each row, or of all rows together.
private func plainSparseGPT(
  _ weights: [[Double]], inverseFactor u: Matrix, groups: [(length: Int, pruned: Int)],
  isByRow: Bool
) -> (values: [[Double]], kept: [[Bool]]) {
  var w = weights
  var kept = weights.map { $0.map { _ in true } }
  var first = 0
  for group in groups {
    let range = first..<first + group.length
    let costs = w.indices.flatMap { row in
      range.map { column in
        let share = w[row][column] / Double(u.row(column)[column])
        return (row: row, column: column, cost: share * share)
      }
    }
    let parts = isByRow ? w.indices.map { row in costs.filter { $0.row == row } } : [costs]
    for part in parts {
      for entry in part.sorted(by: { $0.cost < $1.cost }).prefix(group.pruned) {
        kept[entry.row][entry.column] = false
      }
    }
    for row in w.indices {
      for j in range where !kept[row][j] {
        let error = w[row][j] / Double(u.row(j)[j])
        for k in j..<w[row].count { w[row][k] -= error * Double(u.row(j)[k]) }
        w[row][j] = 0
      }
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
  let groups =
    inGroups
    ? [(length: Int, pruned: Int)](repeating: (4, 2), count: 80)
    : [128, 128, 64].map { (length: $0, pruned: 21 * $0 / 2) }
  let expected = plainSparseGPT(
    (0..<21).map { row in (0..<320).map { Double(cases.weight.row(row)[$0]) } },
    inverseFactor: factor.inverseFactor, groups: groups, isByRow: inGroups)
  var different = 0
  for row in 0..<21 {
    let kept = (0..<320).map { found.mask[row, $0] }
    different += zip(kept, expected.kept[row]).count { $0 != $1 }
    guard kept == expected.kept[row] else { continue }
    for column in 0..<320 {
      #expect(abs(Double(found.values.row(row)[column]) - expected.values[row][column]) < 1e-5)
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
