import ViseTensor

/// Finds the smallest of some scores, none of which is negative.
enum ScoreSelection {
  /// Writes 0 for the `pruned` smallest scores and 1 for the rest; of equal ones the first go.
  static func mark(
    _ scores: UnsafePointer<Float>, count: Int, pruned: Int, into kept: UnsafeMutablePointer<Float>
  ) {
    guard pruned > 0 else {
      kept.update(repeating: 1, count: count)
      return
    }
    var (limit, equal) =
      count <= 64 ? ranked(scores, count, pruned) : threshold(scores, count, pruned)
    for index in 0..<count {
      let bits = scores[index].bitPattern
      if bits < limit {
        kept[index] = 0
      } else if bits == limit, equal > 0 {
        kept[index] = 0
        equal -= 1
      } else {
        kept[index] = 1
      }
    }
  }

  /// The largest score that goes, and how many that are equal to it do: by sorting.
  private static func ranked(
    _ scores: UnsafePointer<Float>, _ count: Int, _ pruned: Int
  ) -> (limit: UInt32, equal: Int) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { sorted in
      for index in 0..<count {
        let bits = scores[index].bitPattern
        var place = index
        while place > 0, sorted[place - 1] > bits {
          sorted[place] = sorted[place - 1]
          place -= 1
        }
        sorted[place] = bits
      }
      let limit = sorted[pruned - 1]
      return (limit, sorted[..<pruned].reduce(0) { $0 + ($1 == limit ? 1 : 0) })
    }
  }

  /// As `ranked`, digit by digit: patterns of floats that are not negative are in their order.
  private static func threshold(
    _ scores: UnsafePointer<Float>, _ count: Int, _ pruned: Int
  ) -> (limit: UInt32, equal: Int) {
    var prefix: UInt32 = 0
    var left = pruned
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2048) { histogram in
      for (shift, width) in [(21, 11), (10, 11), (0, 10)] as [(UInt32, UInt32)] {
        histogram.update(repeating: 0)
        let digits = UInt32(1) << width - 1
        // All bits above this digit, none for the first.
        let above = shift + width
        for index in 0..<count {
          let bits = scores[index].bitPattern
          if above == 32 || bits >> above == prefix >> above {
            histogram[Int(bits >> shift & digits)] += 1
          }
        }
        var digit = 0
        while left > Int(histogram[digit]) {
          left -= Int(histogram[digit])
          digit += 1
        }
        prefix |= UInt32(digit) << shift
      }
    }
    return (prefix, left)
  }
}

extension Sparsity {
  /// Keeps in each row, or in each group of it, the largest of the scores `score` writes for it; or
  /// of all blocks those of the largest sums.
  func mask(
    rows: Int, columns: Int, work: RowWork,
    score: @Sendable (_ row: Int, _ scores: UnsafeMutablePointer<Float>) -> Void
  ) throws -> Mask {
    if case .blocks(let height, let width) = pattern {
      return try BlockSelection(height: height, width: width, ratio: ratio)
        .mask(rows: rows, columns: columns, work: work, score: score)
    }
    let mask = Mask(rows: rows, columns: columns)
    try work.forEachChunk(rows: rows, columns: columns) { range in
      let scores = Matrix(rows: 1, columns: columns)
      let kept = Matrix(rows: 1, columns: columns)
      withExtendedLifetime((scores, kept)) {
        for row in range {
          score(row, scores.pointer)
          mark(scores.pointer, columns: columns, into: kept.pointer)
          mask.fill(row: row, from: kept.pointer)
        }
      }
    }
    return mask
  }

  /// Marks one row of scores, without regard to blocks, which rows share.
  func mark(
    _ scores: UnsafePointer<Float>, columns: Int, into kept: UnsafeMutablePointer<Float>
  ) {
    switch pattern {
    case .unstructured, .channels, .blocks:
      ScoreSelection.mark(
        scores, count: columns, pruned: columns - keptCount(columns: columns), into: kept)
    case .nOfM(let count, let group):
      for first in stride(from: 0, to: columns, by: group) {
        let length = min(group, columns - first)
        ScoreSelection.mark(
          scores + first, count: length, pruned: max(0, length - count), into: kept + first)
      }
    }
  }
}
