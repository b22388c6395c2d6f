public import ViseCompression
import ViseFormats
public import ViseModels
import ViseTensor

/// What a device must do for a model under a plan: products, attention and what it keeps.
///
/// Norms, activations and additions are taken to be fused into the products beside them.
public struct DeviceWorkload: Hashable, Sendable {
  /// One matrix that every token, or only the last, is multiplied with.
  public struct Product: Hashable, Sendable {
    public var rows: Int
    public var columns: Int
    public var byteCount: Int
    public var stored: StoredWidth
    /// Only the last token of a prompt needs it: the head.
    public var isLastTokenOnly: Bool

    public init(
      rows: Int, columns: Int, byteCount: Int, stored: StoredWidth, isLastTokenOnly: Bool = false
    ) {
      self.rows = rows
      self.columns = columns
      self.byteCount = byteCount
      self.stored = stored
      self.isLastTokenOnly = isLastTokenOnly
    }
  }

  /// One block's attention over keys and values kept in half floats.
  public struct Attention: Hashable, Sendable {
    public var heads: Int
    public var keyValueHeads: Int
    /// Features of a key and of a value head together.
    public var keyValueLength: Int
    /// Tokens seen at most; `nil` sees all.
    public var window: Int?

    public init(heads: Int, keyValueHeads: Int, keyValueLength: Int, window: Int? = nil) {
      self.heads = heads
      self.keyValueHeads = keyValueHeads
      self.keyValueLength = keyValueLength
      self.window = window
    }

    /// Tokens seen by the one at position `count` − 1.
    func seen(_ count: Int) -> Int { min(count, window ?? count) }

    /// Numbers kept for a token.
    var keptPerToken: Int { keyValueHeads * keyValueLength }
  }

  public var products: [Product]
  public var attentions: [Attention]
  /// Bytes of all weights, those included that a token reads one row of.
  public var weightByteCount: Int

  public init(products: [Product], attentions: [Attention], weightByteCount: Int) {
    self.products = products
    self.attentions = attentions
    self.weightByteCount = weightByteCount
  }

  /// Bytes of keys and values after `context` tokens, in half floats.
  public func keyValueByteCount(context: Int) -> Int {
    attentions.reduce(0) { $0 + $1.seen(context) * $1.keptPerToken * 2 }
  }

  /// Bytes of the largest product's inputs and outputs for `tokens`, in half floats, and of logits.
  public func activationByteCount(tokens: Int) -> Int {
    let widest = products.filter { !$0.isLastTokenOnly }.map { $0.rows + $0.columns }.max() ?? 0
    let logits = products.first { $0.isLastTokenOnly }.map { $0.rows * 4 } ?? 0
    return widest * tokens * 2 + logits
  }
}

extension DeviceWorkload {
  /// The work of `model` under `plan`; throws where Vise cannot run the architecture.
  ///
  /// Where whole channels are removed the keys and values count as if they were all there.
  public init(model: Model, plan: Plan) throws(ModelError) {
    let graph = try model.program.get().graph
    let sizes = model.sizeModel
    var products: [Product] = []
    var attentions: [Attention] = []
    for node in graph.nodes {
      switch node.operation {
      case .linear(let weight, _):
        products += Self.products(of: weight, model, plan, sizes, isHead: false)
      case .attention(let shape):
        attentions.append(
          Attention(
            heads: shape.heads, keyValueHeads: shape.keyValueHeads,
            keyValueLength: shape.headLength + shape.valueLength, window: shape.window))
      default: break
      }
    }
    products += Self.products(of: graph.head, model, plan, sizes, isHead: true)
    let siteNames = Set(model.sites.map(\.name))
    let others = model.checkpoint.tensors.filter { !siteNames.contains($0.name) }
    self.init(
      products: products, attentions: attentions,
      weightByteCount: model.sites.reduce(0) { $0 + sizes.byteCount(of: $1, in: plan) }
        + others.reduce(0) { $0 + $1.byteCount })
  }

  /// The factors of the weight `name`, or the weight itself.
  private static func products(
    of name: String, _ model: Model, _ plan: Plan, _ sizes: SizeModel, isHead: Bool
  ) -> [Product] {
    guard let site = model.site(named: name) else { return [] }
    guard let treatment = plan.change(of: site), treatment.problem(for: site) == nil else {
      return [
        Product(
          rows: site.rows, columns: site.columns, byteCount: sizes.byteCount(of: site, in: plan),
          stored: StoredWidth(.ggml(site.stored)), isLastTokenOnly: isHead)
      ]
    }
    let format = treatment.storedFormat(for: site)
    let small = treatment.reduced(site)
    guard small.parameterCount > 0 else { return [] }
    return treatment.form.parts(of: small.shape).map { part in
      Product(
        rows: part.rows, columns: part.columns,
        byteCount: format.byteCount(rows: part.rows, columns: part.columns)
          ?? Int(format.bitsPerWeight * Double(part.rows * part.columns) / 8),
        stored: StoredWidth(format), isLastTokenOnly: isHead)
    }
  }
}

extension StoredWidth {
  /// How a device sees weights stored as `format`.
  public init(_ format: NumberFormat) {
    switch format {
    case .ggml(let type): self.init(type)
    case .integer, .offset, .segmented, .branch:
      self = format.bitsPerWeight < 5 ? .integer4 : .integer8
    case .residual, .dualGrained, .split: self = .integer8
    case .float, .blockFloat: self = .float8
    case .normalFloat, .dynamic, .power, .compand, .palette, .vector, .pyramid: self = .table
    }
  }

  private init(_ type: StorageType) {
    switch type {
    case .f32, .f64, .i32, .i64: self = .float32
    case .f16, .bf16, .i16: self = .float16
    case .q4_0, .q4_1, .q4_K, .q3_K, .q2_K, .tq1_0, .tq2_0: self = .integer4
    default: self = .integer8
    }
  }
}
