import CViseKernels
import Testing

private struct Case: CustomStringConvertible, Sendable {
  let runs: Int
  let length: Int
  let blocks: Int
  let pixels: Int
  var description: String { "\(runs) runs of \(length), \(blocks) blocks, \(pixels) pixels" }
}

private let cases = [
  Case(runs: 1, length: 1, blocks: 1, pixels: 1), Case(runs: 3, length: 3, blocks: 1, pixels: 28),
  Case(runs: 3, length: 48, blocks: 2, pixels: 14), Case(runs: 9, length: 5, blocks: 3, pixels: 7),
  Case(runs: 2, length: 7, blocks: 5, pixels: 31), Case(runs: 1, length: 64, blocks: 4, pixels: 49),
]

/// The variants this CPU has.
private let variants: [Int32] = (0...Int32(vise_best_variant())).map { $0 }

@Test(arguments: cases, variants)
private func pixelSumsAreTheirDefinitionBitForBit(shape: Case, variant: Int32) {
  var numbers = TestNumbers(seed: 5)
  let (block, step) = (Int(VISE_FILTER_BLOCK), 3)
  let offsets = (0..<shape.runs).map { Int64($0 * 37 % 101) }
  let image = numbers.floats(101 + shape.length + shape.pixels * step, limit: 2)
  let weights = numbers.floats(shape.blocks * shape.runs * shape.length * block, limit: 1)
  let stride = shape.blocks * block + 2
  var sums = [Float](repeating: -1, count: shape.pixels * stride)
  var expected = sums
  offsets.withUnsafeBufferPointer { offsets in
    let taps = vise_taps(
      offsets: offsets.baseAddress, runs: Int64(shape.runs), length: Int64(shape.length))
    vise_pixel_sums_variant(
      variant, weights, Int64(shape.blocks), taps, image, Int64(step), Int64(shape.pixels), &sums,
      Int64(stride))
    vise_pixel_sums_reference(
      weights, Int64(shape.blocks), taps, image, Int64(step), Int64(shape.pixels), &expected,
      Int64(stride))
  }
  #expect(sums == expected)
}

@Test(arguments: [1, 15, 16, 40], [1, 7, 16])
func finishedPixelsAreScaledShiftedAddedAndRectified(pixels: Int, filters: Int) {
  var numbers = TestNumbers(seed: 6)
  let (step, plane) = (19, pixels + 3)
  let x = numbers.floats(pixels * step, limit: 1)
  let more = numbers.floats(filters * plane, limit: 1)
  let (factors, shifts) = (numbers.floats(16, limit: 2), numbers.floats(16, limit: 1))
  for rectifies in [false, true] {
    var y = [Float](repeating: -9, count: filters * plane)
    factors.withUnsafeBufferPointer { factors in
      shifts.withUnsafeBufferPointer { shifts in
        more.withUnsafeBufferPointer { more in
          let finish = vise_finish(
            factors: factors.baseAddress, shifts: shifts.baseAddress, more: more.baseAddress,
            rectify: rectifies ? 1 : 0)
          vise_finish_pixels(
            x, Int64(step), Int64(pixels), Int64(filters), finish, &y, Int64(plane))
        }
      }
    }
    for filter in 0..<filters {
      for p in 0..<plane {
        guard p < pixels else {
          #expect(y[filter * plane + p] == -9)
          continue
        }
        let value =
          x[p * step + filter] * factors[filter] + shifts[filter] + more[filter * plane + p]
        #expect(y[filter * plane + p] == (rectifies ? max(0, value) : value))
      }
    }
  }
}

@Test(arguments: [1, 16, 19, 49], [1, 3, 16, 37])
func interleavedPixelsHaveTheirChannelsSideBySide(pixels: Int, channels: Int) {
  var numbers = TestNumbers(seed: 7)
  let plane = pixels + 2
  let x = numbers.floats(channels * plane, limit: 1)
  for step in [channels, channels + 5] {
    var y = [Float](repeating: -9, count: pixels * step)
    vise_interleave(x, Int64(plane), Int64(pixels), Int64(channels), &y, Int64(step))
    for p in 0..<pixels {
      for c in 0..<step { #expect(y[p * step + c] == (c < channels ? x[c * plane + p] : -9)) }
    }
  }
}

@Test(arguments: [1, 9, 16, 70, 131], variants)
private func planeSumsAreTheirDefinitionBitForBit(pixels: Int, variant: Int32) {
  var numbers = TestNumbers(seed: 8)
  let offsets: [Int64] = [0, 1, 2, 40, 41, 43, 90]
  let weights = numbers.floats(offsets.count, limit: 1)
  for step in [1, 2, 3] {
    let plane = numbers.floats(91 + (pixels - 1) * step, limit: 2)
    var sums = [Float](repeating: -1, count: pixels + 1)
    var expected = sums
    vise_plane_sums_variant(
      variant, weights, offsets, Int64(offsets.count), plane, Int64(step), Int64(pixels), 0.5,
      &sums)
    vise_plane_sums_reference(
      weights, offsets, Int64(offsets.count), plane, Int64(step), Int64(pixels), 0.5, &expected)
    #expect(sums == expected && sums[pixels] == -1)
  }
}

@Test(arguments: [1, 9, 16, 70, 131], [1, 2, 3])
func planeDotsAreSumsOfProducts(pixels: Int, step: Int) {
  var numbers = TestNumbers(seed: 9)
  let offsets: [Int64] = [0, 1, 40]
  let gradient = numbers.floats(pixels, limit: 1)
  let plane = numbers.floats(41 + (pixels - 1) * step, limit: 2)
  var sums: [Float] = [1, 2, 3]
  vise_plane_dots(gradient, offsets, 3, plane, Int64(step), Int64(pixels), &sums)
  for (k, offset) in offsets.enumerated() {
    let wanted = (0..<pixels).reduce(Double(k + 1)) {
      $0 + Double(gradient[$1]) * Double(plane[$1 * step + Int(offset)])
    }
    #expect(abs(Double(sums[k]) - wanted) < 1e-3)
  }
}
