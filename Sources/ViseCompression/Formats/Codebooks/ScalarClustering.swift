import Glibc

/// Weighted k-means of numbers: Lloyd's iteration on sorted values, whose cells are ranges.
///
/// Lloyd, "Least Squares Quantization in PCM" (1982). It starts from the asymptotically best
/// density of levels, the cube root of the values' (Panter and Dite, 1951), and gives a cell that
/// holds nothing the middle of the costliest one.
struct ScalarClustering {
  let count: Int
  /// Ascending.
  private let values: [Float]
  /// Sums over the values before each: of weights, weighted values and weighted squares.
  private var weights: [Double] = [0]
  private var sums: [Double] = [0]
  private var squares: [Double] = [0]

  /// - Parameter samples: finite values with the weights of their squared errors.
  init(count: Int, samples: [(value: Float, weight: Float)]) {
    precondition(count > 0)
    self.count = count
    let sorted = samples.sorted { $0.value < $1.value }
    values = sorted.map(\.value)
    for sample in sorted {
      let (value, weight) = (Double(sample.value), Double(sample.weight))
      weights.append(weights[weights.count - 1] + weight)
      sums.append(sums[sums.count - 1] + weight * value)
      squares.append(squares[squares.count - 1] + weight * value * value)
    }
  }

  /// The centres, ascending, after at most `iterations`.
  func centres(iterations: Int = 60) -> [Float] {
    guard let first = values.first, let last = values.last else {
      return [Float](repeating: 0, count: count)
    }
    var centres = start(first, last)
    var error = Double.infinity
    for _ in 0..<iterations {
      let bounds = bounds(of: centres)
      let next = moved(centres, bounds)
      centres = next.centres.sorted()
      guard next.error < error * (1 - 1e-6) else { break }
      error = next.error
    }
    return centres
  }

  /// Equal shares of the cube root of the values' density, seen through 512 bins.
  private func start(_ first: Float, _ last: Float) -> [Float] {
    let bins = 512
    let width = (last - first) / Float(bins)
    guard width > 0 else { return [Float](repeating: first, count: count) }
    var shares: [Double] = []
    var before = 0
    for bin in 1...bins {
      let end = bin == bins ? values.count : position(first + width * Float(bin))
      shares.append(cbrt(weights[end] - weights[before]))
      before = end
    }
    let total = shares.reduce(0, +)
    var centres: [Float] = []
    var reached = 0.0
    for (bin, share) in shares.enumerated() {
      while centres.count < count, share > 0,
        (Double(centres.count) + 0.5) / Double(count) * total <= reached + share
      {
        let part = ((Double(centres.count) + 0.5) / Double(count) * total - reached) / share
        centres.append(first + width * (Float(bin) + Float(part)))
      }
      reached += share
    }
    while centres.count < count { centres.append(last) }
    return centres
  }

  /// How many values are at most `limit`.
  private func position(_ limit: Float) -> Int {
    var low = 0
    var high = values.count
    while low < high {
      let middle = (low + high) / 2
      if values[middle] <= limit { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Where each centre's cell begins, and the end of the last.
  private func bounds(of centres: [Float]) -> [Int] {
    [0] + (1..<count).map { position((centres[$0 - 1] + centres[$0]) * 0.5) } + [values.count]
  }

  /// Centres at the means of their cells, empty cells moved, and the error of the cells.
  private func moved(_ centres: [Float], _ bounds: [Int]) -> (centres: [Float], error: Double) {
    var centres = centres
    var costs = [Double](repeating: 0, count: count)
    var empty: [Int] = []
    for cell in 0..<count {
      let (start, end) = (bounds[cell], bounds[cell + 1])
      let weight = end > start ? weights[end] - weights[start] : 0
      guard weight > 0 else {
        empty.append(cell)
        continue
      }
      let mean = (sums[end] - sums[start]) / weight
      costs[cell] = max(0, squares[end] - squares[start] - mean * mean * weight)
      centres[cell] = Float(mean)
    }
    let error = costs.reduce(0, +)
    for cell in empty {
      guard let costliest = costs.indices.max(by: { costs[$0] < costs[$1] }),
        costs[costliest] > 0
      else { break }
      centres[cell] = (values[bounds[costliest]] + centres[costliest]) / 2
      costs[costliest] = 0
    }
    return (centres, error)
  }
}
