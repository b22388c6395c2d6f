/// A weight as a network of small tensors, and how large these are.
public struct TensorDecomposition: Hashable, Sendable {
  /// Which network.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Two factors for a convolution's channels and a small convolution between them.
    case tucker
    /// A sum of outer products.
    case canonical = "cp"
    /// Filters of one column, then filters of one row.
    case separable
    /// A chain.
    case train = "tt"
    /// A tree.
    case hierarchical = "ht"
  }

  /// The ranks, or what they have to make of the weight's numbers.
  public enum Size: Hashable, Sendable {
    case ranks([Int])
    /// The largest ranks, in proportion to those of the whole weight, that hold no more than this
    /// share of its numbers.
    case share(Double)
  }

  public let kind: Kind
  public let size: Size

  public init(_ kind: Kind, _ size: Size) {
    self.kind = kind
    self.size = size
  }

  /// `tucker:16x24` (ranks of inputs and outputs), `cp:32`, `separable:24`, `tt:8x8x16`, `ht:8`; or
  /// `tucker:50%` and the like.
  public var name: String {
    switch size {
    case .ranks(let ranks): "\(kind.rawValue):\(ranks.map { String($0) }.joined(separator: "x"))"
    case .share(let share): "\(kind.rawValue):\(Self.percent(share))%"
    }
  }

  /// `nil` where `text`, in lower case, names none.
  init?(name text: String) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count == 2, let kind = Kind(rawValue: String(words[0])) else { return nil }
    if words[1].hasSuffix("%") {
      guard let percent = Double(words[1].dropLast()), percent > 0, percent < 100 else {
        return nil
      }
      self.init(kind, .share((percent * 100).rounded() / 1e4))
      return
    }
    let ranks = words[1].split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    let known = ranks.compactMap { $0 }.filter { (1...1 << 20).contains($0) }
    guard known.count == ranks.count, known.count <= 8 else { return nil }
    self.init(kind, .ranks(known))
  }

  /// The tensor that a matrix of `shape` is taken for by trains and trees; `nil` for others.
  public func modes(of shape: WeightShape) -> MatrixModes? {
    switch network(for: shape) {
    case let train as MatrixTrain: train.modes
    case let tree as HierarchicalTucker: tree.modes
    default: nil
    }
  }

  /// The network for a weight of `shape`; `nil` where there is none, which `problem(for:)` explains.
  func network(for shape: WeightShape) -> (any TensorNetwork)? {
    switch kind {
    case .tucker: network(TuckerFilters.self, shape)
    case .canonical: network(CanonicalFilters.self, shape)
    case .separable: network(SeparableFilters.self, shape)
    case .train:
      shape.kernel.isEmpty ? network(MatrixTrain.self, shape) : network(FilterTrain.self, shape)
    case .hierarchical: network(HierarchicalTucker.self, shape)
    }
  }

  private func network<Network: TensorNetwork>(
    _ type: Network.Type, _ shape: WeightShape
  ) -> (any TensorNetwork)? {
    guard shape.parameterCount > 0, type.misfit(shape) == nil else { return nil }
    let most = type.largestRanks(shape)
    switch size {
    case .ranks(let ranks):
      guard ranks.count == most.count, zip(ranks, most).allSatisfy({ $0 <= $1 }) else { return nil }
      return type.init(shape: shape, ranks: ranks)
    case .share(let share):
      let limit = share * Double(shape.parameterCount)
      let steps = most.max() ?? 1
      for step in stride(from: steps, through: 1, by: -1) {
        let network = type.init(shape: shape, ranks: most.map { max(1, $0 * step / steps) })
        if Double(network.parameterCount) <= limit { return network }
      }
      return nil
    }
  }

  /// Why a weight of `shape` cannot be such a network, or `nil` where it can.
  func problem(for shape: WeightShape) -> String? {
    switch kind {
    case .tucker: problem(TuckerFilters.self, shape)
    case .canonical: problem(CanonicalFilters.self, shape)
    case .separable: problem(SeparableFilters.self, shape)
    case .train:
      shape.kernel.isEmpty ? problem(MatrixTrain.self, shape) : problem(FilterTrain.self, shape)
    case .hierarchical: problem(HierarchicalTucker.self, shape)
    }
  }

  private func problem(_ type: any TensorNetwork.Type, _ shape: WeightShape) -> String? {
    if let misfit = type.misfit(shape) { return "\(name) \(misfit)" }
    guard network(for: shape) == nil else { return nil }
    let most = type.largestRanks(shape)
    guard case .ranks(let ranks) = size else { return "no ranks of \(name) are that small here" }
    if ranks.count != most.count {
      return "\(name) needs \(most.count == 1 ? "one rank" : "\(most.count) ranks") here"
    }
    return "ranks of \(kind.rawValue) are at most "
      + most.map { String($0) }.joined(separator: " × ") + " here"
  }

  /// At most two decimals, which `init(name:)` keeps.
  private static func percent(_ share: Double) -> String {
    let hundredths = Int((share * 1e4).rounded())
    let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
    guard rest > 0 else { return String(whole) }
    return rest % 10 == 0 ? "\(whole).\(rest / 10)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }
}
