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

  private var keyValueWidth: Int { shape.keyValueHeads * shape.headLength }
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
      let offset = first * keyValueWidth + group * shape.headLength
      Kernels.attend(
        queries: queries + head * shape.headLength, heads: end - head,
        headLength: shape.headLength, keys: keys.pointer + offset,
        values: values.pointer + offset, stride: keyValueWidth, count: position + 1 - first,
        scale: shape.scale, scores: scores, into: y + head * shape.headLength)
      head = end
    }
  }

  /// The queries `run` of one head.
  private func attend(
    _ queries: UnsafePointer<Float>, _ head: Int, _ run: Range<Int>,
    into y: UnsafeMutablePointer<Float>
  ) {
    let length = shape.headLength
    let width = shape.heads * length
    let start = position + run.lowerBound
    let first = shape.window.map { max(0, start - $0 + 1) } ?? 0
    let columns = position + run.upperBound - first
    let offset = first * keyValueWidth + head / queriesPerHead * length
    BLAS.multiplyTransposed(
      m: run.count, n: columns, k: length, a: queries + run.lowerBound * width + head * length,
      strideA: width, b: keys.pointer + offset, strideB: keyValueWidth, c: scores,
      strideC: columns)
    Kernels.causalSoftmax(
      scores, rows: run.count, columns: columns, stride: columns, firstPosition: start - first,
      window: shape.window, scale: shape.scale)
    BLAS.multiply(
      m: run.count, n: length, k: columns, a: scores, strideA: columns,
      b: values.pointer + offset, strideB: keyValueWidth,
      c: y + run.lowerBound * width + head * length, strideC: width)
  }
}
