import ViseTensor

/// Causal attention of consecutive positions over all positions stored so far.
struct DecodingAttention {
  let shape: AttentionShape
  let keys: FloatBuffer
  let values: FloatBuffer
  /// The position of the first query.
  let position: Int
  let rows: Int
  let scores: UnsafeMutablePointer<Float>

  /// Queries scored together.
  private static let queryRun = 128

  /// Floats of scratch space for `capacity` positions.
  static func scratchCount(_ shape: AttentionShape, capacity: Int) -> Int {
    max(queryRun, shape.heads) * capacity
  }

  func run(
    queries: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, _ member: SpinTeam.Member
  ) {
    if rows == 1 {
      attendOne(queries, member.share(of: shape.heads), into: y)
      return
    }
    for head in 0..<shape.heads {
      for (run, start) in stride(from: 0, to: rows, by: Self.queryRun).enumerated()
      // Neighbouring runs cost about the same, so they go to different members in turn.
      where (head + run) % member.count == member.index {
        attend(queries, head, start..<min(start + Self.queryRun, rows), into: y)
      }
    }
  }

  private var keyWidth: Int { shape.keyValueHeads * shape.headLength }
  private var valueWidth: Int { shape.keyValueHeads * shape.valueLength }
  private var queriesPerHead: Int { shape.heads / shape.keyValueHeads }

  /// The heads `heads` of a single query, those with the same keys together.
  private func attendOne(
    _ queries: UnsafePointer<Float>, _ heads: Range<Int>, into y: UnsafeMutablePointer<Float>
  ) {
    let first = shape.window.map { max(0, position - $0 + 1) } ?? 0
    var head = heads.lowerBound
    while head < heads.upperBound {
      let group = head / queriesPerHead
      let end = min((group + 1) * queriesPerHead, heads.upperBound)
      Kernels.attend(
        queries: queries + head * shape.headLength, heads: end - head,
        keys: .init(
          keys.pointer + first * keyWidth + group * shape.headLength, length: shape.headLength,
          stride: keyWidth),
        values: .init(
          values.pointer + first * valueWidth + group * shape.valueLength,
          length: shape.valueLength, stride: valueWidth), count: position + 1 - first,
        scale: shape.scale, scores: scores, into: y + head * shape.valueLength)
      head = end
    }
  }

  /// The queries `run` of one head.
  private func attend(
    _ queries: UnsafePointer<Float>, _ head: Int, _ run: Range<Int>,
    into y: UnsafeMutablePointer<Float>
  ) {
    let (length, valueLength) = (shape.headLength, shape.valueLength)
    let (queryWidth, width) = (shape.heads * length, shape.heads * valueLength)
    let group = head / queriesPerHead
    let start = position + run.lowerBound
    let first = shape.window.map { max(0, start - $0 + 1) } ?? 0
    let columns = position + run.upperBound - first
    BLAS.multiplyTransposed(
      m: run.count, n: columns, k: length,
      a: queries + run.lowerBound * queryWidth + head * length, strideA: queryWidth,
      b: keys.pointer + first * keyWidth + group * length, strideB: keyWidth, c: scores,
      strideC: columns)
    Kernels.causalSoftmax(
      scores, rows: run.count, columns: columns, stride: columns, firstPosition: start - first,
      window: shape.window, scale: shape.scale)
    BLAS.multiply(
      m: run.count, n: valueLength, k: columns, a: scores, strideA: columns,
      b: values.pointer + first * valueWidth + group * valueLength, strideB: valueWidth,
      c: y + run.lowerBound * width + head * valueLength, strideC: width)
  }
}
