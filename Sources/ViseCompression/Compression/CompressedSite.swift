public import ViseTensor

/// What a treatment makes of a site: its stored form, and the values that decodes to.
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
  /// Rows × columns, bit for bit what a reader of the exported file computes.
  public let values: Matrix

  public init(storage: Storage, format: NumberFormat, values: Matrix) {
    self.storage = storage
    self.format = format
    self.values = values
  }

  /// Bytes of the stored form.
  public var byteCount: Int { storage.weights.reduce(0) { $0 + $1.byteCount } }
}

extension Treatment {
  /// The format `site` is stored in: the one asked for, or the file's where Vise can write it, or
  /// F16.
  public func storedFormat(for site: Site) -> NumberFormat {
    if let format { return format }
    let own = NumberFormat.ggml(site.stored)
    let small = reduced(site)
    let parts = form.parts(rows: small.rows, columns: small.columns)
    let canWrite =
      NumberFormat.encodable.contains(site.stored)
      && parts.allSatisfy { own.misfit(columns: $0.columns) == nil }
    if canWrite { return own }
    // Rows that were never the file's own take the nearest type that holds them.
    guard removesChannels, structure == nil, NumberFormat.encodable.contains(site.stored) else {
      return .ggml(.f16)
    }
    return DefaultFormat.resolve(own, for: small, rank: lowRank?.rank)?.used ?? .ggml(.f16)
  }

  /// Exact bytes of `site` stored under this treatment, or `nil` where it does not suit the site.
  public func byteCount(for site: Site) -> Int? {
    guard problem(for: site) == nil else { return nil }
    let format = storedFormat(for: site)
    let site = reduced(site)
    guard site.parameterCount > 0 else { return 0 }
    var sum = 0
    for part in form.parts(rows: site.rows, columns: site.columns) {
      guard let bytes = format.byteCount(rows: part.rows, columns: part.columns) else {
        return nil
      }
      sum += bytes
    }
    return sum
  }
}
