public import ViseTensor

/// What a treatment makes of a site: its stored form, which decodes to its values.
public struct CompressedSite: Sendable {
  /// How the values are held.
  public enum Storage: Sendable {
    /// Rows × columns in one number format.
    case dense(EncodedWeight)
    /// The parts of the treatment's form, which make up the weight.
    case factors([EncodedWeight])

    /// What is stored, in the order of the file.
    public var weights: [EncodedWeight] {
      switch self {
      case .dense(let encoded): [encoded]
      case .factors(let parts): parts
      }
    }
  }

  public let storage: Storage
  /// The format of `storage`.
  public let format: NumberFormat
  /// How the stored matrices make up the weight.
  public let form: SiteForm
  public let shape: WeightShape
  /// Whether the file keeps its first part, a basis, with another site.
  public let leavesBasis: Bool

  /// - Parameter weights: the parts of `form` for a weight of `shape`; none where that is empty.
  public init(
    _ weights: [EncodedWeight], form: SiteForm, format: NumberFormat, shape: WeightShape,
    leavesBasis: Bool = false
  ) {
    let isEmpty = shape.parameterCount == 0
    precondition(weights.count == (isEmpty ? 0 : form.parts(of: shape).count))
    storage = form == .whole && !isEmpty ? .dense(weights[0]) : .factors(weights)
    self.format = format
    self.form = form
    self.shape = shape
    self.leavesBasis = leavesBasis
  }

  public var rows: Int { shape.rows }
  public var columns: Int { shape.columns }

  /// What the file keeps with this site.
  var ownWeights: [EncodedWeight] { Array(storage.weights.dropFirst(leavesBasis ? 1 : 0)) }

  /// Rows × columns, bit for bit what a reader of the exported file computes; decoded anew each time.
  ///
  /// All but whole weights need OpenBLAS, which is loaded.
  public func values(work: RowWork = RowWork(pool: nil)) throws -> Matrix {
    if storage.weights.isEmpty { return Matrix(rows: rows, columns: columns) }
    if form != .whole { try BLAS.load() }
    let decoded = try storage.weights.map { try format.codec.decode($0, work: work) }
    return try form.product(decoded, of: shape, work: work)
  }

  /// Bytes of the stored form; of a shared basis only where it is kept.
  public var byteCount: Int { ownWeights.reduce(0) { $0 + $1.byteCount } }
}

extension Treatment {
  /// The format `site` is stored in: the one asked for, or the file's where Vise can write it, or
  /// the site's `unformatted`.
  public func storedFormat(for site: Site) -> NumberFormat {
    if let format { return format }
    let own = NumberFormat.ggml(site.stored)
    let small = reduced(site)
    let parts = form.parts(of: small.shape)
    let canWrite =
      NumberFormat.encodable.contains(site.stored)
      && parts.allSatisfy { own.misfit(columns: $0.columns) == nil }
    if canWrite { return own }
    // Rows that were never the file's own take the nearest type that holds them.
    guard removesChannels, structure == nil, NumberFormat.encodable.contains(site.stored) else {
      return .ggml(site.unformatted)
    }
    return DefaultFormat.resolve(own, for: small, rank: lowRank?.rank)?.used
      ?? .ggml(site.unformatted)
  }

  /// Exact bytes of `site` stored under this treatment, or `nil` where it does not suit the site.
  public func byteCount(for site: Site) -> Int? {
    guard problem(for: site) == nil else { return nil }
    let format = storedFormat(for: site)
    let site = reduced(site)
    guard site.parameterCount > 0 else { return 0 }
    var sum = 0
    for part in ownParts(of: site) {
      guard let bytes = format.byteCount(rows: part.rows, columns: part.columns) else {
        return nil
      }
      sum += bytes
    }
    return sum
  }
}
