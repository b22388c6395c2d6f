import ViseTensor

/// The format a site gets when one was asked for, and why it differs where it does.
public struct FormatResolution: Hashable, Sendable {
  public let asked: NumberFormat
  public let used: NumberFormat
  /// The length of row that `asked` cannot hold; `nil` where it is used.
  let misfitColumns: Int?

  /// Why `used` is not `asked`; `nil` where they are equal.
  public var reason: String? { misfitColumns.flatMap { asked.misfit(columns: $0) } }
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

  /// As `asked(bits:)`, in what files of the site's kind of model can hold.
  ///
  /// ONNX has integers with a scale an output, and none of ggml's blocks.
  public static func asked(bits: Int, for site: Site) -> NumberFormat? {
    guard site.role.isOfGraph, bitWidths.contains(bits) else { return asked(bits: bits) }
    return NumberFormat(name: "int\(bits):channel")
  }

  /// The formats to compare at a glance for `site`, most bits first: those files of its kind hold.
  public static func usual(for site: Site) -> [NumberFormat] {
    guard site.role.isOfGraph else { return NumberFormat.common.map { .ggml($0) } }
    return bitWidths.sorted(by: >).compactMap { asked(bits: $0, for: site) }
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
    let misfit =
      format.fits(columns: site.columns)
      ? rank.flatMap { format.fits(columns: $0) ? nil : $0 }
      : site.columns
    guard let misfit else {
      return FormatResolution(asked: format, used: format, misfitColumns: nil)
    }
    let bits = format.bitsPerWeight
    guard let used = replacement(bits: bits, columns: site.columns, rank: rank) else { return nil }
    return FormatResolution(asked: format, used: .ggml(used), misfitColumns: misfit)
  }

  /// The smallest common type of at least `bits` bits whose blocks divide the rows.
  private static func replacement(bits: Double, columns: Int, rank: Int?) -> StorageType? {
    var best: (type: StorageType, bits: Double)?
    for type in NumberFormat.common {
      let own = type.bitsPerWeight
      guard own >= bits, columns % type.blockLength == 0, (rank ?? 0) % type.blockLength == 0
      else { continue }
      // Of two types of one size IQ4_NL leaves less error.
      if let best, best.bits < own || (best.bits == own && type != .iq4_NL) { continue }
      best = (type, own)
    }
    return best?.type
  }
}
