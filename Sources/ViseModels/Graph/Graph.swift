/// One result of an operation: rows of features, a row a token.
public struct ValueID: Hashable, Sendable {
  public let index: Int
}

/// An operation of a model on rows of features; weights go by their key in the checkpoint.
public enum Operation: Hashable, Sendable {
  /// Rows of `table` by token id, times `scale`.
  case embed(table: String, scale: Float)
  /// Adds row p of `table` to the row at position p.
  case addPositions(table: String)
  /// RMS normalization of each run of `group` features.
  case rmsNorm(weight: String, group: Int, epsilon: Float)
  case layerNorm(weight: String, bias: String, epsilon: Float)
  /// x · Wᵀ + b, with W stored as outputs × inputs.
  case linear(weight: String, bias: String?)
  case rope(RopeShape)
  /// Causal attention; inputs are queries, keys and values.
  case attention(AttentionShape)
  /// silu(first) · second.
  case siluMultiply
  /// gelu(first) · second.
  case geluMultiply
  case gelu
  case add
  /// The features `start ..< start + width` of each row, `width` being the result's.
  case slice(start: Int)
}

/// How query or key heads are rotated.
public struct RopeShape: Hashable, Sendable {
  public var heads: Int
  public var headLength: Int
  public var table: RopeTable
  /// Pairs are neighbours (2i, 2i+1) rather than halves (i, i + n/2).
  public var isInterleaved: Bool
}

/// The angles of a rotary embedding.
public struct RopeTable: Hashable, Sendable {
  /// Features of a head that are rotated.
  public var rotary: Int
  public var base: Float
  /// Positions are divided by this (linear scaling).
  public var positionScale: Float = 1
  /// The key of a tensor of rotary/2 frequency divisors (Llama 3 scaling, as GGUF files store it).
  public var divisors: String?
  /// The numbers such divisors come from, as `config.json` states them.
  public var llama3: Llama3Scaling?
}

/// Llama 3.1's frequency scaling: long waves are stretched, short ones kept, those between blended.
public struct Llama3Scaling: Hashable, Sendable {
  public var factor: Double
  public var lowFrequencyFactor: Double
  public var highFrequencyFactor: Double
  public var originalContextLength: Double

  /// What divides the frequency of a wave of `length` positions.
  func divisor(waveLength length: Double) -> Double {
    let turns = originalContextLength / length
    if turns < lowFrequencyFactor { return factor }
    if turns > highFrequencyFactor { return 1 }
    let kept = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
    return 1 / ((1 - kept) / factor + kept)
  }
}

/// The shape of causal attention.
public struct AttentionShape: Hashable, Sendable {
  public var heads: Int
  public var keyValueHeads: Int
  public var headLength: Int
  /// The length of value heads where it is not that of keys.
  public var ownValueLength: Int? = nil
  public var scale: Float
  /// A token sees this many positions, itself included; `nil` sees all before it.
  public var window: Int?

  public var valueLength: Int { ownValueLength ?? headLength }
}

/// One operation with what it reads and the value it makes.
public struct Node: Hashable, Sendable {
  public let operation: Operation
  public let inputs: [ValueID]
  public let output: ValueID
}

/// A model as operations in topological order, from token ids to final features and a head.
public struct Graph: Sendable {
  public let nodes: [Node]
  /// Features of each value, by index.
  public let widths: [Int]
  /// `cuts[b]` is the only value block b and all after it need; the last is what leaves the blocks.
  public let cuts: [Cut]
  /// What the head reads.
  public let features: ValueID
  /// The key of the vocabulary × features weight that turns features into logits.
  public let head: String
  /// Index of the last node that reads each value; -1 where none does.
  let lastUses: [Int]

  /// A place where one value separates what came before from all that follows.
  public struct Cut: Hashable, Sendable {
    public let value: ValueID
    /// The first node after the cut.
    public let node: Int
  }

  public var blockCount: Int { cuts.count - 1 }

  /// By weight, the bias added to its products.
  var biases: [String: String] {
    nodes.reduce(into: [:]) { biases, node in
      if case .linear(let weight, let bias?) = node.operation { biases[weight] = bias }
    }
  }

  /// The last cut no change to the weights called `names` can alter; `nil` if the embedding changes.
  ///
  /// The head comes after every cut.
  public func lastCut(before names: Set<String>) -> Int? {
    let changed = nodes.firstIndex { !names.isDisjoint(with: $0.operation.weights) }
    guard let changed else { return blockCount }
    return cuts.lastIndex { $0.node <= changed }
  }
}

extension Operation {
  /// The keys of the weights it reads.
  var weights: [String] {
    switch self {
    case .embed(let table, _), .addPositions(let table): [table]
    case .rmsNorm(let weight, _, _): [weight]
    case .layerNorm(let weight, let bias, _): [weight, bias]
    case .linear(let weight, let bias): [weight] + (bias.map { [$0] } ?? [])
    case .rope(let shape): shape.table.divisors.map { [$0] } ?? []
    case .attention, .siluMultiply, .geluMultiply, .gelu, .add, .slice: []
    }
  }
}
