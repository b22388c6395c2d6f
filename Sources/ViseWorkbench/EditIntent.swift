public import ViseCompression

/// What the user asked for, before it meets the sites.
public enum EditIntent: Hashable, Sendable {
  case bits(Int)
  case format(NumberFormat)
  case keep
  /// The next smaller (−1) or larger (+1) format of each site.
  case step(Int)

  /// How the message line and the journal call it.
  public var label: String {
    switch self {
    case .bits(let bits): "\(bits) bits"
    case .format(let format): format.name
    case .keep: "keep"
    case .step(let direction): direction < 0 ? "fewer bits" : "more bits"
    }
  }

  /// What `site`, now stored as `current`, gets.
  func outcome(for site: Site, current: SiteChoice) -> Outcome {
    switch self {
    case .keep: .choice(.keep, reason: nil)
    case .bits(let bits): DefaultFormat.asked(bits: bits).map { fit($0, site) } ?? .refused(nil)
    case .format(let format): fit(format, site)
    case .step(let direction): step(direction, site, current)
    }
  }

  /// A site's share of an edit.
  enum Outcome {
    /// The reason says why it is not what was asked for.
    case choice(SiteChoice, reason: String?)
    case refused(String?)
    case unchanged
  }

  private func fit(_ format: NumberFormat, _ site: Site) -> Outcome {
    guard let resolution = DefaultFormat.resolve(format, for: site) else {
      return .refused("no format fits rows of \(site.columns)")
    }
    return .choice(
      SiteChoice(Treatment(format: resolution.used), asked: format), reason: resolution.reason)
  }

  private func step(_ direction: Int, _ site: Site, _ current: SiteChoice) -> Outcome {
    let now = (current.treatment.format ?? .ggml(site.stored)).bitsPerWeight
    let fitting = NumberFormat.common.map { NumberFormat.ggml($0) }.filter {
      $0.byteCount(rows: site.rows, columns: site.columns) != nil
    }
    let next =
      direction < 0
      ? fitting.filter { $0.bitsPerWeight < now }.max { $0.bitsPerWeight < $1.bitsPerWeight }
      : fitting.filter { $0.bitsPerWeight > now }.min { $0.bitsPerWeight < $1.bitsPerWeight }
    return next.map { .choice(SiteChoice(Treatment(format: $0)), reason: nil) } ?? .unchanged
  }
}
