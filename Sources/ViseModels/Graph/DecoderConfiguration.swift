/// The numbers that shape a decoder, read from the checkpoint's metadata.
public struct DecoderConfiguration: Hashable, Sendable {
  public var architecture: String
  public var blockCount: Int
  public var width: Int
  public var feedForwardWidth: Int
  public var heads: Int
  public var keyValueHeads: Int
  public var headLength: Int
  public var normEpsilon: Float
  public var rope: RopeTable?
  public var contextLength: Int
  public var vocabularyCount: Int
  /// Tokens a local attention layer sees; `nil` where all layers are global.
  public var slidingWindow: Int?
  /// Every n-th layer is global where there is a sliding window.
  public var slidingWindowPattern: Int?
  /// Rotary base of the local layers.
  public var localRopeBase: Float?
  /// Attention scores are multiplied by this.
  public var attentionScale: Float
  /// Rotary pairs are neighbours, as `llama` GGUF files store them.
  public var isRopeInterleaved: Bool
}
