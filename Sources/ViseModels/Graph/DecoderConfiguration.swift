/// The numbers that shape a decoder, read from the checkpoint's metadata.
public struct DecoderConfiguration: Hashable, Sendable {
  public var architecture: String
  public var blockCount: Int
  public var width: Int
  public var feedForwardWidth: Int
  public var heads: Int
  public var keyValueHeads: Int
  public var headLength: Int
  /// The length of value heads where it is not that of keys.
  public var ownValueLength: Int? = nil
  public var normEpsilon: Float
  public var rope: RopeTable?
  public var contextLength: Int
  public var vocabularyCount: Int
  /// Tokens a local attention layer sees; `nil` where all layers are global.
  public var slidingWindow: Int? = nil
  /// Blocks whose attention is local, by block; empty where none is.
  public var localBlocks: [Bool] = []
  /// Rotary base of the local layers.
  public var localRopeBase: Float? = nil
  /// Attention scores are multiplied by this.
  public var attentionScale: Float
  /// Rotary pairs are neighbours, as `llama` GGUF files store them.
  public var isRopeInterleaved: Bool

  /// More blocks than any real model has; keeps a hostile count from costing anything.
  static let mostBlocks = 4096

  public var valueLength: Int { ownValueLength ?? headLength }

  /// How many tokens block `block` sees, itself included; `nil` sees all before it.
  func window(ofBlock block: Int) -> Int? {
    localBlocks.indices.contains(block) && localBlocks[block] ? slidingWindow : nil
  }
}
