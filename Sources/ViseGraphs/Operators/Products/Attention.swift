import Glibc
import ViseTensor

/// Scaled dot-product attention as ONNX has it from version 23 on.
///
/// Y = softmax(softcap(s·QKᵀ + mask))·V, with as many query heads to a key head as divide evenly.
struct Attention: Sendable {
  private let isCausal: Bool
  private let scale: Float?
  private let softcap: Float
  private let queryHeads: Int?
  private let keyHeads: Int?
  private let outputMode: Int
  private let outputCount: Int
  /// Keys before and after a query's own that it sees; `nil` for all.
  private let window: (before: Int?, after: Int?)

  init(_ node: NodeDescription) throws(OperatorFault) {
    isCausal = try node.flag("is_causal")
    scale = try node.float("scale")
    softcap = try node.float("softcap", default: 0)
    queryHeads = try node.int("q_num_heads")
    keyHeads = try node.int("kv_num_heads")
    outputMode = try node.int("qk_matmul_output_mode", default: 0)
    outputCount = node.outputCount
    let (before, after) = (try node.int("left_window_size"), try node.int("right_window_size"))
    window = (before.flatMap { $0 < 0 ? nil : $0 }, after.flatMap { $0 < 0 ? nil : $0 })
    guard (0...3).contains(outputMode) else { throw .attribute("qk_matmul_output_mode") }
  }

  /// Batch × heads × steps × features.
  private func heads(
    _ x: Tensor, _ count: Int?, _ context: KernelContext
  ) throws -> Tensor {
    guard x.type == .float32 else { throw OperatorFault.unsupportedType(input: 0, x.type) }
    if x.rank == 4 { return x }
    guard x.rank == 3, let count, count > 0, x.shape[2] % count == 0 else {
      throw OperatorFault.shapes("\(x.shape) in \(count ?? 0) heads")
    }
    return try RearrangingOperators.transposed(
      x.reshaped([x.shape[0], x.shape[1], count, x.shape[2] / count]), [0, 2, 1, 3], context)
  }

  func run(_ inputs: KernelInputs, _ context: KernelContext) throws -> [Tensor] {
    let given = try inputs.required(0)
    let query = try heads(given, queryHeads, context)
    var key = try heads(inputs.required(1), keyHeads, context)
    var value = try heads(inputs.required(2), keyHeads, context)
    let past = try inputs[4].map { try heads($0, keyHeads, context).shape[2] } ?? 0
    if let old = inputs[4], let oldValue = inputs[5] {
      key = try RearrangingOperators.concatenated([old, key], axis: 2, context)
      value = try RearrangingOperators.concatenated([oldValue, value], axis: 2, context)
    }
    let (batch, count, steps, length) = (
      query.shape[0], query.shape[1], query.shape[2], query.shape[3]
    )
    let (keys, width) = (key.shape[2], value.shape[3])
    guard key.shape[0] == batch, value.shape[0] == batch, key.shape[1] > 0,
      value.shape[1] == key.shape[1], count % key.shape[1] == 0, key.shape[3] == length,
      value.shape[2] == keys, length > 0
    else {
      throw OperatorFault.shapes("attention of \(query.shape), \(key.shape), \(value.shape)")
    }
    let valid = try inputs.integers(6)
    let bias = try mask(inputs[3], [batch, count, steps, keys], past: past, valid, context)
    let scores = try context.make(.float32, [batch, count, steps, keys])
    let kept = try outputCount > 3 ? context.make(.float32, scores.shape) : nil
    let result = try context.make(.float32, [batch, count, steps, width])
    let group = count / key.shape[1]
    try context.work.forEachChunk(of: batch * count, length: 1) { [key, value] chunk in
      for head in chunk {
        let source = head / count * key.shape[1] + head % count / group
        let target = scores.pointer(Float.self) + head * steps * keys
        if keys > 0, steps > 0 {
          BLAS.multiplyTransposed(
            m: steps, n: keys, k: length, alpha: scale ?? 1 / Float(length).squareRoot(),
            a: query.pointer(Float.self) + head * steps * length, strideA: length,
            b: key.pointer(Float.self) + source * keys * length, strideB: length, c: target,
            strideC: keys)
        }
        finish(target, bias?.pointer(Float.self), head, rows: steps, columns: keys, kept)
        if keys > 0, steps > 0, width > 0 {
          BLAS.multiply(
            m: steps, n: width, k: keys, a: target, strideA: keys,
            b: value.pointer(Float.self) + source * keys * width, strideB: width,
            c: result.pointer(Float.self) + head * steps * width, strideC: width)
        }
      }
    }
    let joined =
      given.rank == 4
      ? result
      : try RearrangingOperators.transposed(result, [0, 2, 1, 3], context)
        .reshaped([batch, steps, count * width])
    return [joined, key, value] + (kept.map { [$0] } ?? [])
  }

  /// Softcap, mask and softmax of one head's scores, keeping what is asked for on the way.
  private func finish(
    _ scores: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>?, _ head: Int, rows: Int,
    columns: Int, _ kept: Tensor?
  ) {
    let count = rows * columns
    func keep(_ mode: Int) {
      guard let kept, mode == outputMode else { return }
      (kept.pointer(Float.self) + head * count).update(from: scores, count: count)
    }
    keep(0)
    if softcap > 0 { for i in 0..<count { scores[i] = softcap * tanhf(scores[i] / softcap) } }
    keep(1)
    if let bias { for i in 0..<count { scores[i] += bias[head * count + i] } }
    keep(2)
    for row in 0..<(columns == 0 ? 0 : rows) {
      let line = scores + row * columns
      var top = -Float.infinity
      for i in 0..<columns { top = max(top, line[i]) }
      var sum: Float = 0
      for i in 0..<columns {
        line[i] = top == -.infinity ? 0 : expf(line[i] - top)
        sum += line[i]
      }
      if sum > 0 { for i in 0..<columns { line[i] /= sum } }
    }
    keep(3)
  }

  /// What is added to scores: the mask given, and −∞ where a key comes later than the query.
  private func mask(
    _ given: Tensor?, _ shape: [Int], past: Int, _ valid: [Int]?, _ context: KernelContext
  ) throws -> Tensor? {
    guard given != nil || isCausal || valid != nil || window.before != nil || window.after != nil
    else { return nil }
    let result = try context.zeros(.float32, shape)
    let target = result.pointer(Float.self)
    let (steps, keys) = (shape[2], shape[3])
    if let given {
      var additive = given
      if given.type == .bool {
        additive = try context.make(.float32, given.shape)
        UnaryLoop.apply(given, additive) { (flag: UInt8) in flag != 0 ? 0 : -Float.infinity }
      }
      guard additive.type == .float32 else {
        throw OperatorFault.unsupportedType(input: 3, given.type)
      }
      if let last = additive.shape.last, last < keys, last > 0, additive.rank > 0 {
        // Keys that the mask does not reach are not seen.
        var rest = additive.shape
        rest[rest.count - 1] = keys - last
        let hidden = try context.make(.float32, rest)
        hidden.pointer(Float.self).update(repeating: -.infinity, count: hidden.count)
        additive = try RearrangingOperators.concatenated([additive, hidden], axis: -1, context)
      }
      let spread = try RearrangingOperators.expanded(additive, shape, context)
      target.update(from: spread.pointer(Float.self), count: result.count)
      withExtendedLifetime((spread, additive)) {}
    }
    guard valid?.count ?? shape[0] == shape[0] else {
      throw OperatorFault.shapes("lengths for \(shape[0]) sequences")
    }
    for row in 0..<(keys == 0 ? 0 : result.count / keys) {
      let image = row / (shape[1] * steps)
      let end = valid.map { min(keys, max(0, $0[image])) } ?? keys
      // Queries stand at the end of what is cached.
      let offset = valid.map { $0[image] - steps } ?? past
      let own = row % steps + offset
      let last = min(isCausal ? own : keys, window.after.map { own + $0 } ?? keys, end - 1)
      let first = window.before.map { own - $0 } ?? 0
      for column in 0..<keys where column > last || column < first {
        target[row * keys + column] = -.infinity
      }
    }
    return result
  }
}

enum AttentionOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Attention", opsets: 23...1000) { node in
      let attention = try Attention(node)
      return { try attention.run($0, $1) }
    },
    OperatorDefinition("RotaryEmbedding", opsets: 23...1000) { node in
      let rotary = try RotaryEmbedding(node)
      return { [try rotary.run($0, $1)] }
    },
  ]
}
