public import ViseTensor

/// What a treatment makes of a site: its stored form, and the values that decodes to.
public struct CompressedSite: Sendable {
  /// How the values are held.
  public enum Storage: Sendable {
    /// Rows × columns in one number format.
    case dense(EncodedWeight)
    /// rows × rank and rank × columns, whose product is the weight.
    case factors(left: EncodedWeight, right: EncodedWeight)

    /// What is stored, in the order of the file.
    public var weights: [EncodedWeight] {
      switch self {
      case .dense(let encoded): [encoded]
      case .factors(let left, let right): [left, right]
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
    let columns = [site.columns] + (lowRank.map { [$0.rank] } ?? [])
    let canWrite =
      NumberFormat.encodable.contains(site.stored)
      && columns.allSatisfy { own.misfit(columns: $0) == nil }
    return canWrite ? own : .ggml(.f16)
  }

  /// Exact bytes of `site` stored under this treatment, or `nil` where it does not suit the site.
  public func byteCount(for site: Site) -> Int? {
    guard problem(for: site) == nil else { return nil }
    let format = storedFormat(for: site)
    guard let lowRank else { return format.byteCount(rows: site.rows, columns: site.columns) }
    guard let left = format.byteCount(rows: site.rows, columns: lowRank.rank),
      let right = format.byteCount(rows: lowRank.rank, columns: site.columns)
    else { return nil }
    return left + right
  }
}
