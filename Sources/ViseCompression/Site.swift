public import ViseTensor

/// What a weight does in its model, given by the architecture.
public enum SiteRole: String, CaseIterable, Hashable, Sendable, Codable {
  case tokenEmbedding = "token_embd"
  case output = "output"
  case attentionQuery = "attn_q"
  case attentionKey = "attn_k"
  case attentionValue = "attn_v"
  case attentionQKV = "attn_qkv"
  case attentionOutput = "attn_output"
  case ffnGate = "ffn_gate"
  case ffnUp = "ffn_up"
  case ffnDown = "ffn_down"
  case convolution = "conv"
  /// A convolution of each channel with filters of its own.
  case depthwiseConvolution = "conv_dw"
  case transposedConvolution = "conv_t"
  case linear = "linear"
  case embedding = "embedding"
  /// Gate blocks for the inputs and for the state before.
  case recurrentInput = "rnn_input"
  case recurrentState = "rnn_state"

  /// Whether it is a role in graphs of operations, which ONNX files hold.
  public var isOfGraph: Bool {
    switch self {
    case .convolution, .depthwiseConvolution, .transposedConvolution, .linear, .embedding,
      .recurrentInput, .recurrentState:
      true
    default: false
    }
  }
}

/// One weight of a model that can be treated.
public struct Site: Hashable, Sendable {
  /// Position in the model's list of sites.
  public let index: Int
  /// The tensor's key in the checkpoint, verbatim and therefore untrusted on a screen.
  public let name: String
  public let role: SiteRole
  /// The transformer block it belongs to; `nil` outside the blocks.
  public let block: Int?
  /// Output features.
  public let rows: Int
  /// Input features: the length of a stored row.
  public let columns: Int
  /// The windows of a convolution of one group, as `WeightShape` has them.
  public let kernel: [Int]
  /// How the file stores it.
  public let stored: StorageType
  /// What values that are given no format are stored as where Vise cannot write the file's type.
  public let unformatted: StorageType
  /// The columns that can be removed whole; `nil` where none can.
  public let channels: ChannelGroup?
  /// The channels of another site its rows make; `nil` where they make none.
  public let rowLink: ChannelLink?
  /// The key of the bias that is added to its outputs; `nil` where there is none.
  public let bias: String?

  public init(
    index: Int, name: String, role: SiteRole, block: Int?, rows: Int, columns: Int,
    kernel: [Int] = [], stored: StorageType, unformatted: StorageType = .f16,
    channels: ChannelGroup? = nil, rowLink: ChannelLink? = nil, bias: String? = nil
  ) {
    self.index = index
    self.name = name
    self.role = role
    self.block = block
    self.rows = rows
    self.columns = columns
    self.kernel = kernel
    self.stored = stored
    self.unformatted = unformatted
    self.channels = channels
    self.rowLink = rowLink
    self.bias = bias
  }

  public var parameterCount: Int { rows * columns }
  public var shape: WeightShape { WeightShape(rows: rows, columns: columns, kernel: kernel) }
}
