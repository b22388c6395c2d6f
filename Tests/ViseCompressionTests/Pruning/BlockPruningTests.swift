import Testing
import ViseCompression
import ViseTensor

private let sharedCases = Result { try PruningCases(rows: 48, columns: 96, seed: 61) }

/// What `BlockSelection` compares: the sums of |w| · norm over blocks, in plain doubles.
private func sums(_ weight: Matrix, norms: [Float], height: Int, width: Int) -> [[Double]] {
  var sums = [[Double]](
    repeating: [Double](repeating: 0, count: weight.columns / width),
    count: weight.rows / height)
  for row in 0..<weight.rows {
    for column in 0..<weight.columns {
      let score = abs(Double(weight.row(row)[column])) * Double(norms[column])
      sums[row / height][column / width] += score
    }
  }
  return sums
}

@Test(
  arguments: [PruningMethod.magnitude, .wanda, .reformed],
  [(8, 8, 0.5), (16, 4, 0.3), (1, 6, 0.75), (48, 2, 0.25)])
func blocksGoWholeAndThoseOfTheSmallestSums(
  method: PruningMethod, shape: (height: Int, width: Int, ratio: Double)
) throws {
  let cases = try sharedCases.get()
  let (height, width, ratio) = shape
  let pruned = try cases.prune(
    method, Sparsity(ratio: ratio, pattern: .blocks(rows: height, columns: width)))
  let norms =
    method == .magnitude
    ? [Float](repeating: 1, count: 96) : cases.meanSquares.map { $0.squareRoot() }
  let sums = sums(cases.weight, norms: norms, height: height, width: width)
  var (kept, removed): ([Double], [Double]) = ([], [])
  for (band, line) in sums.enumerated() {
    for (place, sum) in line.enumerated() {
      let weights = (0..<height * width).map {
        pruned.values.row(band * height + $0 / width)[place * width + $0 % width]
      }
      let zeros = weights.count { $0 == 0 }
      #expect(zeros == 0 || zeros == weights.count)
      if zeros == 0 { kept.append(sum) } else { removed.append(sum) }
    }
  }
  let count = kept.count + removed.count
  #expect(removed.count == Int((ratio * Double(count)).rounded()))
  let largest = try #require(removed.max())
  let smallest = try #require(kept.min())
  #expect(largest <= smallest * (1 + 1e-6))
}

@Test func blocksByTheInputsLeaveSmallerErrorsAndLeastSquaresTheSmallest() throws {
  let cases = try sharedCases.get()
  let sparsity = Sparsity(ratio: 0.5, pattern: .blocks(rows: 4, columns: 4))
  let magnitude = cases.error(try cases.prune(.magnitude, sparsity).values)
  let wanda = cases.error(try cases.prune(.wanda, sparsity).values)
  let reformed = cases.error(try cases.prune(.reformed, sparsity).values)
  #expect(wanda < 0.9 * magnitude)
  #expect(reformed < 0.9 * wanda)
}

/// Where values are zero, which their storage in half precision leaves as it is.
private func zeros(_ values: Matrix) -> [Bool] { values.values.map { $0 == 0 } }

@Test func plansNameBlocksAndReachThem() throws {
  let cases = try sharedCases.get()
  let name = "prune=0.5 pattern=block:8x16 method=wanda"
  let treatment = try #require(Treatment(name: name))
  #expect(treatment.name == name)
  let sparsity = try #require(treatment.sparsity)
  #expect(sparsity.pattern == .blocks(rows: 8, columns: 16))
  let wanda = zeros(try cases.prune(.wanda, sparsity).values)
  #expect(zeros(try cases.compress(name).values()) == wanda)
  // Without a name the method is Wanda's where inputs are known, else magnitudes.
  let unnamed = "prune=0.5 pattern=block:8x16"
  #expect(zeros(try cases.compress(unnamed).values()) == wanda)
  let magnitude = zeros(try cases.prune(.magnitude, sparsity).values)
  #expect(zeros(try cases.compress(unnamed, calibrated: false).values()) == magnitude)
  #expect(magnitude != wanda)
}

@Test(arguments: [
  ("prune=0.5 pattern=block:7x8", "block:7x8 needs whole blocks, this site is 48 × 96"),
  ("prune=0.5 pattern=block:8x8 rank=4", "does not survive a factorization"),
  ("prune=0.5 pattern=block:8x8 method=sparsegpt", "sparsegpt chooses single weights"),
  ("prune=0.5 pattern=block:8x8 method=obs", "obs chooses single weights"),
  ("prune=0.1 pattern=block:48x48", "pruning 0.1 of 2 blocks removes none"),
  ("prune=0.9 pattern=block:48x48", "pruning 0.9 of 2 blocks leaves none"),
])
func blocksThatCannotBeAreRefusedWithTheReason(name: String, reason: String) throws {
  let site = try sharedCases.get().site()
  let treatment = try #require(Treatment(name: name))
  let problem = try #require(treatment.problem(for: site))
  #expect(problem.contains(reason))
}

@Test(arguments: ["block:", "block:8", "block:0x4", "block:1x1", "block:8x8x8", "block:9999x1"])
func patternsThatAreNoBlocksAreNone(name: String) {
  #expect(Sparsity.Pattern(name: name) == nil)
  #expect(Treatment(name: "pattern=block:8x8") == nil)
}
