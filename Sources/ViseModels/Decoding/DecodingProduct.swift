public import ViseCompression
import ViseFormats
public import ViseTensor

/// A product of activations with a weight as decoding does it, from which its time follows.
public struct DecodingProduct: Hashable, Sendable {
  /// The code that multiplies.
  public enum Kernel: Hashable, Sendable {
    /// Packed weights of the type with rounded activations.
    case packed(StorageType)
    /// The same of weights of which two in four columns are kept.
    case sparse(StorageType)
    /// Rows of the type, unpacked on the way, with float activations.
    case rows(StorageType)

    /// The kernel of rows of `type`.
    public init(_ type: StorageType, columns: Int) {
      self = PackedMatrix.supports(type, columns: columns) ? .packed(type) : .rows(type)
    }

    public var type: StorageType {
      switch self {
      case .packed(let type), .sparse(let type), .rows(let type): type
      }
    }

    /// Whether activations are rounded.
    public var isPacked: Bool {
      if case .rows = self { false } else { true }
    }

    /// Such as `packed q4_K`.
    public var name: String {
      switch self {
      case .packed(let type): "packed \(type.name)"
      case .sparse(let type): "sparse \(type.name)"
      case .rows(let type): "rows \(type.name)"
      }
    }
  }

  public let kernel: Kernel
  public let rows: Int
  public let columns: Int
  /// Whether a prompt needs it for its last token only, as the vocabulary head.
  public let isLastOnly: Bool

  public init(kernel: Kernel, rows: Int, columns: Int, isLastOnly: Bool = false) {
    self.kernel = kernel
    self.rows = rows
    self.columns = columns
    self.isLastOnly = isLastOnly
  }

  public var weightCount: Int { rows * columns }

  /// Bytes read, but for padding.
  public var byteCount: Int {
    let dense = rows * (kernel.type.byteCount(elements: columns) ?? 4 * columns)
    guard case .sparse(let type) = kernel else { return dense }
    return type == .q8_0 ? dense * 11 / 17 : dense * 7 / 9
  }
}

/// The products with weights a model's graph asks for, and what plans make of them.
///
/// Says without making any weight what `Decoder` does, but where channels are removed: there the
/// products are those of the smaller model that is exported.
public struct DecodingProducts: Sendable {
  /// One linear operation of the graph.
  private struct Linear: Sendable {
    let site: Site?
    let stored: DecodingProduct
  }

  private let linears: [Linear]
  /// Operations with each site's weight, by the site's name.
  private let places: [String: [Int]]
  /// The products as loaded, equal ones together.
  private let storedCounts: [DecodingProduct: Int]
  /// Whether weights are too many for caches, so that reading fewer bytes is worth more work.
  public let streamsWeights: Bool

  /// Bytes of weights from which on they come from memory.
  private static let cachedByteCount = 32 << 20

  /// - Throws: `ModelError` where the model cannot be run.
  public init(model: Model) throws {
    let graph = try model.program.get().graph
    var linears: [Linear] = []
    func add(_ key: String, isLastOnly: Bool) {
      guard let record = model.checkpoint.record(named: key), record.shape.count == 2 else {
        return
      }
      let (rows, columns) = (record.shape[0], record.shape[1])
      let isPlain = model.storages[key].map { $0 == .plain } ?? true
      let isKept =
        isPlain && record.type.isDecodable && record.type.byteCount(elements: columns) != nil
      let stored = DecodingProduct(
        kernel: isKept ? .init(record.type, columns: columns) : .rows(.f32), rows: rows,
        columns: columns, isLastOnly: isLastOnly)
      linears.append(Linear(site: model.site(named: key), stored: stored))
    }
    for node in graph.nodes {
      if case .linear(let weight, _) = node.operation { add(weight, isLastOnly: false) }
    }
    add(graph.head, isLastOnly: true)
    self.linears = linears
    places = Dictionary(
      grouping: linears.indices.filter { linears[$0].site != nil },
      by: { linears[$0].site?.name ?? "" })
    storedCounts = linears.reduce(into: [:]) { $0[$1.stored, default: 0] += 1 }
    streamsWeights =
      linears.reduce(0) { $0 + $1.stored.byteCount } >= Self.cachedByteCount
  }

  /// The products of one token under `plan`, equal ones together.
  ///
  /// A frame waits for this: it takes as long as the plan has treated sites.
  public func counts(of plan: Plan) -> [DecodingProduct: Int] {
    guard !plan.removesChannels else {
      return products(of: plan).reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
    var counts = storedCounts
    for name in plan.treatments.keys {
      for place in places[name] ?? [] {
        let linear = linears[place]
        guard let site = linear.site, let treatment = plan.change(of: site) else { continue }
        let left = (counts[linear.stored] ?? 0) - 1
        counts[linear.stored] = left > 0 ? left : nil
        let isLastOnly = linear.stored.isLastOnly
        for product in products(of: site, under: treatment, isLastOnly: isLastOnly) {
          counts[product, default: 0] += 1
        }
      }
    }
    return counts
  }

  /// The products of one token under `plan`.
  public func products(of plan: Plan) -> [DecodingProduct] {
    linears.flatMap { linear in
      guard let site = linear.site, let treatment = plan.change(of: site) else {
        return [linear.stored]
      }
      return products(of: site, under: treatment, isLastOnly: linear.stored.isLastOnly)
    }
  }

  /// The products with `site` once it is treated.
  public func products(
    of site: Site, under treatment: Treatment, isLastOnly: Bool = false
  ) -> [DecodingProduct] {
    let small = treatment.reduced(site)
    guard small.parameterCount > 0 else { return [] }
    let format = treatment.storedFormat(for: site)
    let mayBeSparse = mayBeSparse(treatment)
    func product(rows: Int, columns: Int) -> DecodingProduct? {
      Self.type(of: format, columns: columns).map { type in
        let isSparse = mayBeSparse && PackedMatrix.supportsSparse(type, columns: columns)
        return DecodingProduct(
          kernel: isSparse ? .sparse(type) : .init(type, columns: columns), rows: rows,
          columns: columns, isLastOnly: isLastOnly)
      }
    }
    let floats = DecodingProduct(
      kernel: .rows(.f32), rows: small.rows, columns: small.columns, isLastOnly: isLastOnly)
    switch treatment.form {
    case .whole:
      return [product(rows: small.rows, columns: small.columns) ?? floats]
    case .lowRank(let rank):
      let factors = [
        product(rows: rank, columns: small.columns), product(rows: small.rows, columns: rank),
      ].compactMap { $0 }
      return factors.count == 2 ? factors : [floats]
    case .structured:
      return [floats]
    }
  }

  /// Whether products with a site under `treatment` leave its zeros out.
  func mayBeSparse(_ treatment: Treatment) -> Bool {
    guard streamsWeights, case .whole = treatment.form,
      case .nOfM(let kept, of: 4) = treatment.sparsity?.pattern
    else { return false }
    return kept <= 2
  }

  /// The type that rows of `format` are multiplied in; `nil` for floats.
  private static func type(of format: NumberFormat, columns: Int) -> StorageType? {
    guard case .ggml(let type) = format else {
      return PackedIntegers.type(of: format, columns: columns)
    }
    return type.isDecodable ? type : nil
  }
}
