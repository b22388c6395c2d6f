import Testing
import ViseTensor

/// ggml's rules for activations, one number at a time.
private func plainQ8(_ block: [Float], type: StorageType) -> [Float] {
  let extreme = block.max { abs($0) < abs($1) } ?? 0
  guard extreme != 0 else { return block.map { _ in 0 } }
  if type == .q8_0 {
    let scale = Float(Float16(abs(extreme) / 127))
    return block.map { ($0 * (127 / abs(extreme))).rounded(.toNearestOrEven) * scale }
  }
  let inverse = -127 / extreme
  return block.map { min(($0 * inverse).rounded(.toNearestOrEven), 127) * (1 / inverse) }
}

@Test(arguments: [StorageType.q8_0, .q8_K])
func activationsAreRoundedBlockByBlock(type: StorageType) {
  var random = RandomSource(seed: 3)
  let length = type == .q8_0 ? 32 : 256
  var values = (0..<length * 5).map { index in
    index / length == 2 ? 0 : Float(random.nextUnit() - 0.5) * Float(1 + index / length)
  }
  let expected = stride(from: 0, to: values.count, by: length).flatMap {
    plainQ8(Array(values[$0..<$0 + length]), type: type)
  }
  values.withUnsafeMutableBufferPointer { buffer in
    if let start = buffer.baseAddress {
      Kernels.roundActivations(start, count: buffer.count, as: type)
    }
  }
  #expect(values == expected)
}
