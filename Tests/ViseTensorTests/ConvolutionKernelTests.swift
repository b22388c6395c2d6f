import CViseKernels
import Testing

private struct Case: CustomStringConvertible, Sendable {
  let depth: Int
  let count: Int
  var description: String { "\(depth) rows, \(count) positions" }
}

private let cases = [
  Case(depth: 1, count: 1), Case(depth: 9, count: 15), Case(depth: 27, count: 32),
  Case(depth: 144, count: 49), Case(depth: 30, count: 64), Case(depth: 7, count: 200),
]

/// The variants this CPU has.
private let variants: [Int32] = (0...Int32(vise_best_variant())).map { $0 }

@Test(arguments: cases, variants)
private func shiftedSumsAreTheirDefinitionBitForBit(shape: Case, variant: Int32) {
  var numbers = TestNumbers(seed: 5)
  let block = Int(VISE_FILTER_BLOCK)
  let offsets = (0..<shape.depth).map { Int64($0 * 37 % 101) }
  let image = numbers.floats(101 + shape.count + Int(VISE_CONVOLVE_SLACK), limit: 2)
  let weights = numbers.floats(shape.depth * block, limit: 1)
  let stride = (shape.count + 15) / 16 * 16
  var sums = [Float](repeating: -1, count: block * stride)
  var expected = sums
  vise_shifted_sums_variant(
    variant, weights, offsets, Int64(shape.depth), image, Int64(shape.count), &sums, Int64(stride))
  vise_shifted_sums_reference(
    weights, offsets, Int64(shape.depth), image, Int64(shape.count), &expected, Int64(stride))
  for filter in 0..<block {
    let row = filter * stride..<filter * stride + shape.count
    #expect(Array(sums[row]) == Array(expected[row]))
  }
}

@Test(arguments: [1, 15, 16, 40], [false, true])
func finishedRowsAreScaledShiftedAddedAndRectified(width: Int, rectify: Bool) {
  var numbers = TestNumbers(seed: 6)
  let (rows, stride) = (3, width + 5)
  let x = numbers.floats(rows * stride, limit: 1), more = numbers.floats(rows * width, limit: 1)
  var y = [Float](repeating: .nan, count: rows * width)
  vise_finish_rows(
    x, Int64(rows), Int64(width), Int64(stride), 1.5, -0.25, more, rectify ? 1 : 0, &y)
  for row in 0..<rows {
    for i in 0..<width {
      let value = x[row * stride + i] * 1.5 + -0.25 + more[row * width + i]
      #expect(y[row * width + i] == (rectify ? max(0, value) : value))
    }
  }
}

@Test(arguments: [1, 16, 19], [0, 2])
func aPaddedPlaneHasZerosAroundIt(width: Int, pad: Int) {
  var numbers = TestNumbers(seed: 7)
  let rows = 4
  let x = numbers.floats(rows * width, limit: 1)
  let (paddedRows, paddedWidth) = (rows + pad + 1, width + 2 * pad)
  var y = [Float](repeating: .nan, count: paddedRows * paddedWidth)
  vise_pad_plane(
    x, Int64(rows), Int64(width), Int64(pad), Int64(pad), Int64(paddedRows), Int64(paddedWidth), &y)
  for row in 0..<paddedRows {
    for i in 0..<paddedWidth {
      let (from, column) = (row - pad, i - pad)
      let isInside = (0..<rows).contains(from) && (0..<width).contains(column)
      #expect(y[row * paddedWidth + i] == (isInside ? x[from * width + column] : 0))
    }
  }
}
