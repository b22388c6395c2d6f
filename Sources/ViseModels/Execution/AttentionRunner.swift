import ViseTensor

/// Causal attention over each sequence of a batch, a head and a run of queries at a time.
struct AttentionRunner {
  let shape: AttentionShape
  let sequenceLength: Int
  let scratch: Scratch

  /// Queries scored together; a run sees only the keys up to its end, which saves most of the
  /// masked half.
  private static let queryRun = 128

  func run(queries: Matrix, keys: Matrix, values: Matrix, into y: Matrix) {
    let run = min(Self.queryRun, sequenceLength)
    let scores = scratch.take(rows: run, columns: sequenceLength)
    defer { scratch.give(scores) }
    for first in stride(from: 0, to: queries.rows, by: sequenceLength) {
      for head in 0..<shape.heads {
        for start in stride(from: 0, to: sequenceLength, by: run) {
          let end = min(start + run, sequenceLength)
          attend(
            Block(first: first, head: head, start: start, end: end), queries, keys, values, scores,
            into: y)
        }
      }
    }
  }

  /// Queries `start ..< end` of one head of the sequence whose first row is `first`.
  private struct Block {
    let first: Int
    let head: Int
    let start: Int
    let end: Int
  }

  private func attend(
    _ block: Block, _ queries: Matrix, _ keys: Matrix, _ values: Matrix, _ scores: Matrix,
    into y: Matrix
  ) {
    let (length, valueLength) = (shape.headLength, shape.valueLength)
    let group = block.head / (shape.heads / shape.keyValueHeads)
    let firstKey = shape.window.map { max(0, block.start - $0 + 1) } ?? 0
    let rows = block.end - block.start
    let columns = block.end - firstKey
    let query = queries.row(block.first + block.start) + block.head * length
    let key = keys.row(block.first + firstKey) + group * length
    let value = values.row(block.first + firstKey) + group * valueLength
    BLAS.multiplyTransposed(
      m: rows, n: columns, k: length, a: query, strideA: queries.columns, b: key,
      strideB: keys.columns, c: scores.pointer, strideC: columns)
    Kernels.causalSoftmax(
      scores.pointer, rows: rows, columns: columns, stride: columns,
      firstPosition: block.start - firstKey, window: shape.window, scale: shape.scale)
    BLAS.multiply(
      m: rows, n: valueLength, k: columns, a: scores.pointer, strideA: columns, b: value,
      strideB: values.columns, c: y.row(block.first + block.start) + block.head * valueLength,
      strideC: y.columns)
  }
}
