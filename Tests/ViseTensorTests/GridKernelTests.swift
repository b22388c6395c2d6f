import CViseKernels
import Testing
import ViseTensor

private func values(_ count: Int, seed: UInt64) -> [Float] {
  var random = RandomSource(seed: seed)
  return (0..<count).map { _ in Float(random.nextUnit() + random.nextUnit() - 1) }
}

@Test(arguments: [1, 2, 3, 8, 15, 16, 17, 32, 33, 100, 253, 256])
func codesAreOfTheNearestLevelWhateverTheirNumber(count: Int) {
  let levels = values(count, seed: UInt64(count)).sorted()
  let x = values(203, seed: 9) + levels + [0, -0, 5, -5, .nan]
  var codes = [UInt8](repeating: 0, count: x.count)
  vise_grid_codes(x, Int64(x.count), levels, Int64(count), &codes)
  let importance = values(x.count - 1, seed: 4).map { abs($0) }
  var expected = 0.0
  for (index, value) in x.enumerated() {
    var code = 0
    for level in 1..<max(count, 1) where value > (levels[level - 1] + levels[level]) * 0.5 {
      code = level
    }
    #expect(Int(codes[index]) == code)
    if value.isNaN { continue }
    let off = Double(value - levels[code])
    expected += off * off * Double(importance[index])
  }
  let error = vise_grid_error(x, Int64(x.count - 1), importance, levels, Int64(count))
  #expect(abs(error - expected) <= 1e-6 * expected + 1e-12)
}

@Test(arguments: [1, 7, 16, 31, 200])
func affineErrorsAndCodesAreTheirFormula(count: Int) {
  let x = values(count, seed: 3)
  let importance = values(count, seed: 5).map { abs($0) }
  for (scale, zero) in [(Float(0.13), Float(6)), (0.02, 0), (0, 3)] {
    var codes = [Float](repeating: -1, count: count)
    vise_affine_codes(x, Int64(count), scale, zero, 0, 15, &codes)
    var expected = 0.0
    for index in 0..<count {
      let inverse = scale > 0 ? 1 / scale : 0
      let code = min(max((x[index] * inverse + zero).rounded(.toNearestOrEven), 0), 15)
      #expect(codes[index] == code)
      let off = Double(x[index] - (code - zero) * scale)
      expected += off * off * Double(importance[index])
    }
    let error = vise_affine_error(x, Int64(count), importance, scale, zero, 0, 15)
    #expect(abs(error - expected) <= 1e-6 * expected + 1e-12)
  }
}

@Test func theBestScaleIsThatOfLeastError() {
  let x = values(150, seed: 7)
  let table: [Float] = [-1, -0.4, -0.1, 0, 0.2, 0.5, 1]
  let scales = (1...12).map { Float($0) * 0.1 }
  var best = 0.0
  let index = vise_table_scale(x, 150, nil, table, 7, 0.05, scales, 12, &best)
  let errors = scales.map { scale in
    vise_grid_error(x, 150, nil, table.map { $0 * scale + 0.05 }, 7)
  }
  #expect(errors.min() == best && errors[Int(index)] == best)
}

@Test(arguments: 1...8)
func packedCodesReadBack(bits: Int) {
  for count in [0, 1, 5, 8, 31, 64, 77] {
    let codes = values(count, seed: 2).map { UInt8(abs($0) * 255.9) & UInt8((1 << bits) - 1) }
    var packed = [UInt8](repeating: 0, count: (count * bits + 7) / 8 + 1)
    packed[packed.count - 1] = 0xEE
    vise_pack_codes(codes, Int64(count), Int32(bits), &packed)
    #expect(packed.last == 0xEE)
    for (index, code) in codes.enumerated() {
      for bit in 0..<bits {
        let at = index * bits + bit
        #expect(packed[at / 8] >> UInt8(at % 8) & 1 == code >> UInt8(bit) & 1)
      }
    }
    var back = [UInt8](repeating: 9, count: count)
    vise_unpack_codes(packed, Int64(count), Int32(bits), &back)
    #expect(back == codes)
  }
}

@Test func affineLevelsAreRoundedToHalves() {
  for (scale, zero, low) in [
    (Float(0.0371), Float(6), Float(0)), (1e-6, 0, -128), (700, 0, -128), (0, 3, 0),
  ] {
    var levels = [Float](repeating: .nan, count: 256)
    vise_affine_levels(scale, zero, low, 256, &levels)
    for (code, level) in levels.enumerated() {
      let value = (Float(code) + low - zero) * scale
      #expect(level == Float(Float16(min(max(value, -65_504), 65_504))))
    }
  }
}
