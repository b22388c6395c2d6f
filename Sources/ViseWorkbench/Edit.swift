public import ViseCompression

/// What a site was given, and what had been asked for where that differs.
public struct SiteChoice: Hashable, Sendable {
  public var treatment: Treatment
  /// The format asked for, where the site could not hold it and got another.
  public var asked: NumberFormat?

  public init(_ treatment: Treatment, asked: NumberFormat? = nil) {
    self.treatment = treatment
    self.asked = asked == treatment.format ? nil : asked
  }

  public static let keep = SiteChoice(.keep)

  /// Why `site` could not hold what was asked for; `nil` where it got that.
  public func substitutionReason(for site: Site) -> String? {
    asked.flatMap {
      DefaultFormat.resolve($0, for: site, rank: treatment.lowRank?.rank)?.reason
    }
  }
}

/// One site's part of an edit.
public struct SiteChange: Hashable, Sendable {
  public let site: String
  public let choice: SiteChoice

  public init(site: String, choice: SiteChoice) {
    self.site = site
    self.choice = choice
  }
}

/// One step of the user's: undone and redone as a whole.
public struct Edit: Hashable, Sendable {
  /// What the user did, such as `3 bits`.
  public let label: String
  public let changes: [SiteChange]
  public let origin: Origin

  /// Who chose the treatments.
  public enum Origin: String, Hashable, Sendable {
    case hand
    /// A fit to limits, a search, or a measured plan that was adopted.
    case fitted
  }

  public init(label: String, changes: [SiteChange], origin: Origin = .hand) {
    self.label = label
    self.changes = changes
    self.origin = origin
  }
}
