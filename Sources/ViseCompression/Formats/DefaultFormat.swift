import ViseTensor

/// The format a site gets when one was asked for, and why it differs where it does.
public struct FormatResolution: Hashable, Sendable {
  public let asked: NumberFormat
  public let used: NumberFormat
  /// Why `used` is not `asked`; `nil` where they are equal.
  public let reason: String?
}

/// Bit-widths the digit keys stand for, and the formats they choose.
public enum DefaultFormat {
  /// Widths with a default format.
  public static let bitWidths = [2, 3, 4, 5, 6, 8]

  /// The format a site gets at `bits` bits per weight, or `nil` for a width that has none.
  ///
  /// K-quants hold more quality per bit than the formats with 32-weight blocks, so they come first.
  public static func asked(bits: Int) -> NumberFormat? {
    switch bits {
    case 2: .ggml(.q2_K)
    case 3: .ggml(.q3_K)
    case 4: .ggml(.q4_K)
    case 5: .ggml(.q5_K)
    case 6: .ggml(.q6_K)
    case 8: .ggml(.q8_0)
    default: nil
    }
  }

  /// The digit that stands for `format`: its code width without scales; 16 for the half floats.
  public static func nominalBits(of format: NumberFormat) -> Int {
    Int(format.bitsPerWeight)
  }

  /// What `site` can hold when `format` is asked for.
  ///
  /// A block format whose blocks do not divide the rows is replaced by the smallest common one
  /// that fits and has at least as many bits; where none does, the result is `nil`. With a `rank`
  /// the rows of both factors must fit.
  public static func resolve(
    _ format: NumberFormat, for site: Site, rank: Int? = nil
  ) -> FormatResolution? {
    let widths = [site.columns] + (rank.map { [$0] } ?? [])
    guard let reason = widths.lazy.compactMap({ format.misfit(columns: $0) }).first else {
      return FormatResolution(asked: format, used: format, reason: nil)
    }
    guard let used = replacement(for: format, widths: widths) else { return nil }
    return FormatResolution(asked: format, used: used, reason: reason)
  }

  private static func replacement(for format: NumberFormat, widths: [Int]) -> NumberFormat? {
    var best: NumberFormat?
    for type in NumberFormat.common {
      guard widths.allSatisfy({ $0 % type.blockLength == 0 }) else { continue }
      let candidate = NumberFormat.ggml(type)
      guard candidate.bitsPerWeight >= format.bitsPerWeight else { continue }
      if let known = best,
        (known.bitsPerWeight, rank(known)) <= (candidate.bitsPerWeight, rank(candidate))
      {
        continue
      }
      best = candidate
    }
    return best
  }

  /// Orders formats of equal size by expected error, best first.
  private static func rank(_ format: NumberFormat) -> Int {
    format == .ggml(.iq4_NL) ? 0 : 1
  }
}
