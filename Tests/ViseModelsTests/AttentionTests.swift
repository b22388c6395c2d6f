import Testing
import ViseTensor

@testable import ViseModels

/// Attention over more tokens than are scored together, against its definition in double.
@Suite struct AttentionTests {
  @Test(arguments: [nil, 1, 9, 127, 128, 129, 200, 1 << 28], [1, 127, 128, 129, 300])
  func attentionEqualsItsDefinition(window: Int?, length: Int) throws {
    try BLAS.load()
    let shape = AttentionShape(
      heads: 4, keyValueHeads: 2, headLength: 6, scale: 0.6, window: window)
    var random = RandomSource(seed: UInt64(length))
    let rows = 2 * length
    let queries = matrix(rows, 24, &random)
    let keys = matrix(rows, 12, &random)
    let values = matrix(rows, 12, &random)
    let result = Matrix(rows: rows, columns: 24)
    AttentionRunner(shape: shape, sequenceLength: length, scratch: Scratch())
      .run(queries: queries, keys: keys, values: values, into: result)
    var largest = 0.0
    for row in 0..<rows {
      for head in 0..<4 {
        let expected = attended(row, head, shape, length, queries, keys, values)
        for feature in 0..<6 {
          let found = Double(result.row(row)[head * 6 + feature])
          largest = max(largest, abs(found - expected[feature]))
        }
      }
    }
    // Values below 2 summed with weights that sum to 1, scores below 24 rounded to 24 · 2⁻²³.
    #expect(largest < 2 * 24 * 0x1p-22)
  }

  /// Σ softmax(scale · q·k) v over the keys of the sequence the query sees.
  private func attended(
    _ row: Int, _ head: Int, _ shape: AttentionShape, _ length: Int, _ queries: Matrix,
    _ keys: Matrix, _ values: Matrix
  ) -> [Double] {
    let first = row / length * length
    let start = shape.window.map { max(first, row - $0 + 1) } ?? first
    let column = head / 2 * 6
    let scores = (start...row).map { key in
      (0..<6).reduce(0.0) {
        $0 + Double(queries.row(row)[head * 6 + $1]) * Double(keys.row(key)[column + $1])
      } * Double(shape.scale)
    }
    let largest = scores.max() ?? 0
    let weights = scores.map { exponential($0 - largest) }
    let sum = weights.reduce(0, +)
    return (0..<6).map { feature in
      zip(start...row, weights).reduce(0.0) {
        $0 + $1.1 / sum * Double(values.row($1.0)[column + feature])
      }
    }
  }

  /// eˣ for x ≤ 0 by squaring a short series: exact to about 1e-13.
  private func exponential(_ x: Double) -> Double {
    let small = x / 1024
    var term = 1.0
    var sum = 1.0
    for index in 1...8 {
      term *= small / Double(index)
      sum += term
    }
    return (0..<10).reduce(sum) { result, _ in result * result }
  }

  private func matrix(_ rows: Int, _ columns: Int, _ random: inout RandomSource) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      values: (0..<rows * columns).map { _ in Float(random.nextUnit() * 4 - 2) })
  }

  @Test(arguments: ["llama", "mistral", "qwen2", "qwen3", "gemma3"])
  func laterTokensChangeNothingBefore(name: String) throws {
    let run = try ModelRun(try FixtureModel(name: name).gguf())
    var random = RandomSource(seed: 11)
    let tokens = (0..<280).map { _ in Int32.random(in: 3..<80, using: &random) }
    let whole = try run.features(tokens)
    for count in [100, 128, 150, 257] {
      let prefix = try run.features(Array(tokens[..<count]))
      #expect(largestDifference(prefix.values, whole.rows(0..<count).values) < 1e-4)
    }
  }
}
