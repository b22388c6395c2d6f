public import ViseTensor

/// Merges neurons with the most similar incoming weights and sums their outgoing ones (IFM).
///
/// Neurons with equal incoming weights compute the same value, and one with the sum of their
/// outgoing weights replaces both exactly. Similar ones are merged in the order of
/// 2·⟨a, b⟩ / (‖a‖² + ‖b‖²), which is 1 only for equal ones, over gate and up weights together
/// (iterative feature merging; "Neuron Merging", Kim et al., arXiv:2010.13160, has the idea for
/// pruned neurons). Needs no data.
public struct NeuronMerging: Sendable {
  /// Beyond so many neurons the table of all pairs is too large.
  public static let neuronLimit = 16_384

  public init() {}

  /// The neurons that remain of those whose incoming weights are the rows of all of `incoming`.
  public func selection(
    _ incoming: [Matrix], keptCount: Int
  ) throws(CompressionError) -> ChannelSelection {
    let count = incoming.first?.rows ?? 0
    guard count <= Self.neuronLimit else {
      throw .unsuitable("ifm compares at most \(Self.neuronLimit) neurons, these are \(count)")
    }
    var pairs = PairTable(incoming)
    var targets: [Int: Int] = [:]
    while pairs.aliveCount > max(keptCount, 1) {
      let pair = pairs.closest()
      targets[pair.removed] = pair.kept
      pairs.remove(pair.removed)
    }
    // A neuron another was merged into may have gone later.
    let merged = targets.mapValues { target in
      var last = target
      while let next = targets[last] { last = next }
      return last
    }
    return ChannelSelection(kept: (0..<count).filter { targets[$0] == nil }, merged: merged)
  }

  /// The columns that remain, with those of the neurons merged into them added.
  static func values(of weight: Matrix, _ selection: ChannelSelection) -> Matrix {
    let result = weight.columns(at: selection.kept)
    let places = Dictionary(
      uniqueKeysWithValues: selection.kept.enumerated().map { ($1, $0) })
    withExtendedLifetime((weight, result)) {
      for (column, target) in selection.merged.sorted(by: { $0.key < $1.key }) {
        guard let place = places[target] else { continue }
        for row in 0..<weight.rows { result.row(row)[place] += weight.row(row)[column] }
      }
    }
    return result
  }
}

/// The similarity of all pairs of neurons, each with its most similar one that is left.
private struct PairTable {
  private let similarity: Matrix
  private var nearest: [Int]
  private var isAlive: [Bool]
  private(set) var aliveCount: Int

  init(_ incoming: [Matrix]) {
    let count = incoming.first?.rows ?? 0
    let products = Matrix.zeros(rows: count, columns: count)
    for weight in incoming {
      let own = LinearAlgebra.productTransposed(weight, weight)
      withExtendedLifetime((own, products)) {
        for index in 0..<products.count { products.pointer[index] += own.pointer[index] }
      }
    }
    let squares = LinearAlgebra.diagonal(of: products)
    withExtendedLifetime(products) {
      for row in 0..<count {
        let values = products.row(row)
        for column in 0..<count {
          let scale = max(squares[row] + squares[column], .leastNormalMagnitude)
          values[column] = 2 * values[column] / scale
        }
      }
    }
    similarity = products
    isAlive = [Bool](repeating: true, count: count)
    aliveCount = count
    nearest = [Int](repeating: 0, count: count)
    for index in 0..<count { nearest[index] = findNearest(of: index) }
  }

  private func findNearest(of index: Int) -> Int {
    var best = -1
    withExtendedLifetime(similarity) {
      let values = similarity.row(index)
      for other in isAlive.indices where isAlive[other] && other != index {
        if best < 0 || values[other] > values[best] { best = other }
      }
    }
    return best
  }

  /// The most similar pair; the later neuron goes.
  func closest() -> (kept: Int, removed: Int) {
    var best = -1
    withExtendedLifetime(similarity) {
      for index in isAlive.indices where isAlive[index] {
        if best < 0
          || similarity.row(index)[nearest[index]] > similarity.row(best)[nearest[best]]
        {
          best = index
        }
      }
    }
    return (min(best, nearest[best]), max(best, nearest[best]))
  }

  mutating func remove(_ index: Int) {
    isAlive[index] = false
    aliveCount -= 1
    guard aliveCount > 1 else { return }
    for other in isAlive.indices where isAlive[other] && nearest[other] == index {
      nearest[other] = findNearest(of: other)
    }
  }
}
