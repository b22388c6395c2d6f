import ViseTensor

/// Runs one operation of a graph on one batch.
///
/// A weight's store may drop it at any time, so each is kept alive until the kernel that reads its
/// pointer has returned.
struct OperationRunner {
  let batch: TokenBatch
  let scratch: Scratch
  let ropeTables: RopeTableCache

  func run(
    _ operation: Operation, _ inputs: [Matrix], _ weights: some WeightSource, into y: Matrix
  ) throws {
    switch operation {
    case .embed(let table, let scale):
      embed(try weights.rows(of: batch.tokens, in: table), scale: scale, into: y)
    case .addPositions(let table):
      try addPositions(try weights.weight(table), inputs[0], into: y)
    case .rmsNorm(let weight, let group, let epsilon):
      withExtendedLifetime(try weights.weight(weight)) {
        Kernels.rmsNorm(
          inputs[0].pointer, rows: y.count / group, group: group, weight: $0.pointer,
          epsilon: epsilon, into: y.pointer)
      }
    case .layerNorm(let weight, let bias, let epsilon):
      withExtendedLifetime((try weights.weight(weight), try weights.weight(bias))) {
        Kernels.layerNorm(
          inputs[0].pointer, rows: y.rows, columns: y.columns, weight: $0.pointer,
          bias: $1.pointer, epsilon: epsilon, into: y.pointer)
      }
    case .linear(let weight, let bias):
      let x = rounded(inputs[0], weights.activationType(for: weight))
      defer { x.map { scratch.give($0) } }
      linear(
        x ?? inputs[0], try weights.weight(weight), bias: try bias.map { try weights.weight($0) },
        into: y)
    case .rope(let shape):
      try rope(inputs[0], shape, weights, into: y)
    case .attention(let shape):
      AttentionRunner(shape: shape, sequenceLength: batch.sequenceLength, scratch: scratch)
        .run(queries: inputs[0], keys: inputs[1], values: inputs[2], into: y)
    case .siluMultiply:
      Kernels.siluMultiply(inputs[0].pointer, inputs[1].pointer, count: y.count, into: y.pointer)
    case .geluMultiply:
      Kernels.geluMultiply(inputs[0].pointer, inputs[1].pointer, count: y.count, into: y.pointer)
    case .gelu:
      Kernels.gelu(inputs[0].pointer, count: y.count, into: y.pointer)
    case .add:
      y.pointer.update(from: inputs[0].pointer, count: y.count)
      Kernels.add(inputs[1].pointer, count: y.count, to: y.pointer)
    case .slice(let start):
      for row in 0..<y.rows {
        y.row(row).update(from: inputs[0].row(row) + start, count: y.columns)
      }
    }
  }

  private func embed(_ rows: Matrix, scale: Float, into y: Matrix) {
    precondition(rows.rows == y.rows && rows.columns == y.columns)
    withExtendedLifetime(rows) { y.pointer.update(from: rows.pointer, count: y.count) }
    if scale != 1 { Kernels.scale(y.pointer, count: y.count, by: scale) }
  }

  private func addPositions(_ table: Matrix, _ x: Matrix, into y: Matrix) throws(ModelError) {
    guard batch.sequenceLength <= table.rows else {
      throw .tokenOutOfRange(token: batch.sequenceLength - 1, vocabulary: table.rows)
    }
    y.pointer.update(from: x.pointer, count: y.count)
    withExtendedLifetime(table) {
      for row in 0..<y.rows {
        Kernels.add($0.row(row % batch.sequenceLength), count: y.columns, to: y.row(row))
      }
    }
  }

  /// A copy of `x` rounded as `type`'s runtime has it; `nil` where nothing is rounded.
  private func rounded(_ x: Matrix, _ type: StorageType?) -> Matrix? {
    guard let type else { return nil }
    let copy = scratch.take(rows: x.rows, columns: x.columns)
    copy.pointer.update(from: x.pointer, count: x.count)
    Kernels.roundActivations(copy.pointer, count: copy.count, as: type)
    return copy
  }

  private func linear(_ x: Matrix, _ weight: Matrix, bias: Matrix?, into y: Matrix) {
    withExtendedLifetime(weight) {
      BLAS.multiplyTransposed(
        m: x.rows, n: $0.rows, k: $0.columns, a: x.pointer, strideA: x.columns, b: $0.pointer,
        strideB: $0.columns, c: y.pointer, strideC: y.columns)
    }
    guard let bias else { return }
    withExtendedLifetime(bias) {
      for row in 0..<y.rows { Kernels.add($0.pointer, count: y.columns, to: y.row(row)) }
    }
  }

  private func rope(
    _ x: Matrix, _ shape: RopeShape, _ weights: some WeightSource, into y: Matrix
  ) throws {
    let divisors = try shape.table.divisors.map { try weights.weight($0) }
    let table = ropeTables.table(shape.table, positions: batch.sequenceLength, divisors: divisors)
    y.pointer.update(from: x.pointer, count: y.count)
    withExtendedLifetime(table) {
      for sequence in 0..<batch.sequenceCount {
        Kernels.rotate(
          y.row(sequence * batch.sequenceLength), rows: batch.sequenceLength, heads: shape.heads,
          headLength: shape.headLength, rotary: shape.table.rotary, table: $0.pointer,
          isInterleaved: shape.isInterleaved)
      }
    }
  }
}
