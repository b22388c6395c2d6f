import ViseTensor

/// Turns pairs of features by angles that depend on the position.
struct RotaryEmbedding: Sendable {
  private let isInterleaved: Bool
  private let rotary: Int
  private let heads: Int

  init(_ node: NodeDescription) throws(OperatorFault) {
    isInterleaved = try node.flag("interleaved")
    rotary = try node.int("rotary_embedding_dim", default: 0)
    heads = try node.int("num_heads", default: 0)
  }

  func run(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let given = try inputs.required(0, .float32)
    let x = given.rank == 3 ? try split(given, context) : given
    guard x.rank == 4 else { throw OperatorFault.shapes("\(given.shape) are no heads") }
    let (batch, steps, length) = (x.shape[0], x.shape[2], x.shape[3])
    let width = rotary > 0 ? rotary : length
    guard width % 2 == 0, width <= length else {
      throw OperatorFault.attribute("rotary_embedding_dim")
    }
    let (cosines, sines) = (
      try angles(inputs, 1, batch, steps, width / 2, context),
      try angles(inputs, 2, batch, steps, width / 2, context)
    )
    let result = try ScatteringOperators.copy(x, context)
    let target = result.pointer(Float.self)
    for row in 0..<(length == 0 ? 0 : x.count / length) {
      let (image, step) = (row / (x.shape[1] * steps), row % steps)
      let source = x.pointer(Float.self) + row * length
      for pair in 0..<width / 2 {
        let (a, b) = isInterleaved ? (2 * pair, 2 * pair + 1) : (pair, pair + width / 2)
        let place = (image * steps + step) * (width / 2) + pair
        let (c, s) = (cosines.pointer(Float.self)[place], sines.pointer(Float.self)[place])
        target[row * length + a] = c * source[a] - s * source[b]
        target[row * length + b] = s * source[a] + c * source[b]
      }
    }
    let turned = withExtendedLifetime((cosines, sines)) { result }
    guard given.rank == 3 else { return turned }
    return try RearrangingOperators.transposed(turned, [0, 2, 1, 3], context)
      .reshaped(checked: given.shape)
  }

  private func split(_ x: Tensor, _ context: KernelContext) throws -> Tensor {
    guard heads > 0, x.shape[2] % heads == 0 else { throw OperatorFault.attribute("num_heads") }
    return try RearrangingOperators.transposed(
      x.reshaped([x.shape[0], x.shape[1], heads, x.shape[2] / heads]), [0, 2, 1, 3], context)
  }

  /// Cosines or sines by batch, step and pair; looked up by position where positions are given.
  private func angles(
    _ inputs: KernelInputs, _ index: Int, _ batch: Int, _ steps: Int, _ pairs: Int,
    _ context: KernelContext
  ) throws -> Tensor {
    let table = try inputs.required(index, .float32)
    guard let positions = try inputs.integers(3) else {
      return try table.reshaped(checked: [batch, steps, pairs])
    }
    guard table.rank == 2, table.shape[1] == pairs, positions.count == batch * steps else {
      throw OperatorFault.shapes("a table of \(table.shape) for \(pairs) pairs")
    }
    let places = try GatheringOperators.normalized(positions, length: table.shape[0])
    let result = try context.make(.float32, [batch, steps, pairs])
    for (row, place) in places.enumerated() {
      (result.pointer(Float.self) + row * pairs).update(
        from: table.pointer(Float.self) + place * pairs, count: pairs)
    }
    return result
  }
}
