/// A form of few numbers that a weight is brought to, other than the product of two thin factors.
public enum Structure: Hashable, Sendable {
  /// A sum of `terms` Kronecker products whose first factors have these rows and columns.
  case kronecker(outerRows: Int, outerColumns: Int, terms: Int)
  /// So many blocks along the diagonal, zeros around them.
  case blocks(Int)
  /// One value along each falling diagonal.
  case toeplitz
  /// One value along each rising diagonal.
  case hankel
  /// Of this rank after displacement by one step down the diagonals.
  case displacement(rank: Int)
  /// Coefficients times a basis of this rank, which all sites with the same treatment share.
  case shared(group: String, rank: Int)
  /// Small tensors.
  case tensor(TensorDecomposition)

  /// `kronecker:16x16:4`, `blocks:4`, `toeplitz`, `hankel`, `displacement:8`, `shared:up:64`,
  /// or a tensor decomposition such as `tucker:16x24`.
  public var name: String {
    switch self {
    case .kronecker(let rows, let columns, let terms): "kronecker:\(rows)x\(columns):\(terms)"
    case .blocks(let count): "blocks:\(count)"
    case .toeplitz: "toeplitz"
    case .hankel: "hankel"
    case .displacement(let rank): "displacement:\(rank)"
    case .shared(let group, let rank): "shared:\(group):\(rank)"
    case .tensor(let decomposition): decomposition.name
    }
  }

  /// What `init(name:)` takes.
  public static let examples =
    """
    such as tucker:16x24, tucker:50%, cp:32, separable:24, tt:50%, ht:8, kronecker:16x16:4, \
    blocks:4, toeplitz, hankel, displacement:8 or shared:up:64
    """

  public init?(name: String) {
    if let decomposition = TensorDecomposition(name: name.lowercased()) {
      self = .tensor(decomposition)
      return
    }
    let words = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    if words.first == "shared" {
      guard let shared = Self.shared(words) else { return nil }
      self = shared
      return
    }
    let numbers = words.dropFirst().flatMap { word in
      word.split(separator: "x", omittingEmptySubsequences: false).map { Self.count($0) }
    }
    let known = numbers.compactMap { $0 }
    guard known.count == numbers.count else { return nil }
    switch (words.first, words.count, known.count) {
    case ("kronecker", 3, 3) where !words[2].contains("x"):
      self = .kronecker(outerRows: known[0], outerColumns: known[1], terms: known[2])
    case ("blocks", 2, 1): self = .blocks(known[0])
    case ("toeplitz", 1, 0): self = .toeplitz
    case ("hankel", 1, 0): self = .hankel
    case ("displacement", 2, 1): self = .displacement(rank: known[0])
    default: return nil
    }
  }

  /// A group's name has letters, digits, `-` and `_`.
  private static func shared(_ words: [Substring]) -> Structure? {
    guard words.count == 3, let rank = count(words[2]), (1...32).contains(words[1].utf8.count),
      words[1].utf8.allSatisfy({ byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      })
    else { return nil }
    return .shared(group: String(words[1]), rank: rank)
  }

  private static func count(_ word: Substring) -> Int? {
    Int(word).flatMap { (1...1 << 20).contains($0) ? $0 : nil }
  }

  /// Most blocks, each of which is stored as parts of its own.
  private static let mostBlocks = 64

  /// Why a weight of `shape` has no such form, or `nil` where it has.
  public func problem(for shape: WeightShape) -> String? {
    let (rows, columns) = (shape.rows, shape.columns)
    switch self {
    case .kronecker(let outerRows, let outerColumns, let terms):
      guard rows % outerRows == 0, columns % outerColumns == 0 else {
        return "\(name) needs \(outerRows) × \(outerColumns) to divide \(rows) × \(columns)"
      }
      let outer = outerRows * outerColumns
      let most = min(outer, rows * columns / outer)
      if terms > most { return "\(name) has \(most) terms at most here" }
    case .blocks(let count):
      if count < 2 || count > Self.mostBlocks {
        return "\(name) is none of 2 to \(Self.mostBlocks) blocks"
      }
      if rows % count != 0 || columns % count != 0 {
        return "\(name) needs \(count) to divide \(rows) × \(columns)"
      }
    case .displacement(let rank):
      if rows != columns { return "\(name) needs a square weight, this is \(rows) × \(columns)" }
      if rank > rows { return "\(name) is more than the weight's rank of \(rows)" }
    case .shared(_, let rank):
      // What a basis saves depends on how many sites share it.
      let most = min(rows, columns)
      return rank < most
        ? nil : "\(name) is no reduction: the weight's own rank is at most \(most)"
    case .tensor(let decomposition):
      if let problem = decomposition.problem(for: shape) { return problem }
    case .toeplitz, .hankel: break
    }
    let count = SiteForm.structured(self).parameterCount(of: shape)
    return count < rows * columns
      ? nil : "\(name) holds \(count) numbers, no fewer than the weight's \(rows * columns)"
  }
}
