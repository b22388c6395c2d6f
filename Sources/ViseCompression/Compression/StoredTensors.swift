public import ViseTensor

/// One tensor of a treated site in Vise's own safetensors layout.
///
/// A site `s` is stored as its format's parts, `s.codes`, `s.scales` …; a factorized or
/// structured one as those of each part of its form, `s.left.…` and `s.right.…`. Half floats and
/// bfloat16 are one tensor of their own element type, called `s`, `s.left` or `s.right`. ggml's blocks are the part `data`, their bytes row by row.
public struct StoredTensor: Hashable, Sendable {
  /// What follows the site's name: nothing, or such as `.scales` or `.left.codes`.
  public let suffix: String
  public let type: PartType
  /// Outermost dimension first.
  public let shape: [Int]

  public var byteCount: Int { shape.reduce(1, *) * type.byteCount }
}

extension Treatment {
  /// The tensors `site` is stored in under this treatment, or `nil` where it does not suit it; none
  /// where all its channels are gone.
  public func storedTensors(for site: Site) -> [StoredTensor]? {
    guard problem(for: site) == nil else { return nil }
    let format = storedFormat(for: site)
    let site = reduced(site)
    guard site.parameterCount > 0 else { return [] }
    var tensors: [StoredTensor] = []
    for part in ownParts(of: site) {
      guard
        let stored = format.storedTensors(
          rows: part.rows, columns: part.columns, prefix: part.suffix)
      else { return nil }
      tensors += stored
    }
    return tensors
  }

  /// What the file says of `site`: a JSON object with `format`, `rows`, `columns` and, where it is
  /// factorized, `rank` or `structure`; `basis` names the site that holds the one it shares.
  public func storageNote(for site: Site) -> String {
    let rank =
      structure.map { ",\"structure\":\"\($0.name)\"" }
      ?? lowRank.map { ",\"rank\":\($0.rank)" } ?? ""
    let basis =
      leavesBasis(of: site) ? sharers?.leader.map { ",\"basis\":\(Self.quoted($0))" } ?? "" : ""
    let format = storedFormat(for: site).name
    let site = reduced(site)
    return "{\"format\":\"\(format)\",\"rows\":\(site.rows),"
      + "\"columns\":\(site.columns)\(rank)\(basis)}"
  }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension NumberFormat {
  /// The tensors of a rows × columns weight; `nil` where the rows do not fit.
  public func storedTensors(rows: Int, columns: Int, prefix: String) -> [StoredTensor]? {
    switch self {
    case .ggml(.f16): return [StoredTensor(suffix: prefix, type: .float16, shape: [rows, columns])]
    case .ggml(.bf16):
      return [StoredTensor(suffix: prefix, type: .bfloat16, shape: [rows, columns])]
    default:
      guard misfit(columns: columns) == nil else { return nil }
      return codec.layout(rows: rows, columns: columns).map {
        StoredTensor(suffix: "\(prefix).\($0.name)", type: $0.type, shape: $0.shape)
      }
    }
  }
}

extension CompressedSite {
  /// The bytes of the tensors the site is stored in, in the order of `storedTensors(for:)`.
  public var storedBytes: [ByteBuffer] { ownWeights.flatMap { $0.parts.map(\.bytes) } }
}
