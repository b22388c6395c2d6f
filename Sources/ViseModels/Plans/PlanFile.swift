import TOMLKit
public import ViseCompression
import ViseFormats

/// A fault in a plan file, with the line it is on where that is known.
public struct PlanFileError: Error, Hashable, Sendable {
  public let line: Int?
  public let reason: Reason

  /// What is wrong.
  public enum Reason: Hashable, Sendable {
    /// The TOML parser's words.
    case syntax(String)
    case unsupportedVersion
    case unknownKey(String)
    case unknownFormat(String)
    case wrongType(key: String)
    /// A setting has a value that makes no sense.
    case badValue(key: String, value: String, expected: String)
    /// A rule whose rank has not been found from the weights.
    case unresolvedRank(String)
    /// No site of the model has the name or matches the pattern.
    case noSuchSite(String)
    /// No format that is at least as good fits the site's rows.
    case doesNotFit(site: String, format: String)
    /// The site cannot be treated so; the reason says why.
    case unsuitable(site: String, treatment: String, reason: String)
  }
}

/// A format that could not be used as asked, and what took its place.
public struct Substitution: Hashable, Sendable {
  public let site: String
  public let asked: String
  public let used: String
  public let reason: String
}

/// A plan read from TOML against a model's sites.
///
/// `[sites]` maps names, or globs with `*` and `?`, to formats; later lines win, and what no line
/// names gets the format of `[defaults]`, or is kept.
public struct PlanFile: Hashable, Sendable {
  public let plan: Plan
  public let substitutions: [Substitution]

  /// Reads `text`, giving each site a format its rows can hold.
  ///
  /// - Parameter ranks: by site, what `rankRules(text:sites:)` asked for.
  public init(text: String, sites: [Site], ranks: [Int: Int] = [:]) throws(PlanFileError) {
    let asked = try Self.asked(text: text, sites: sites)
    var plan = Plan()
    var substitutions: [Substitution] = []
    for site in sites {
      guard let (asked, line) = asked[site.index] else { continue }
      let (fitted, substitution) =
        if let rule = asked.rule {
          try Self.fit(asked, rule, rank: ranks[site.index], to: site, line: line)
        } else {
          try Self.fit(asked.treatment, to: site, line: line)
        }
      plan[site.name] = fitted
      if let substitution { substitutions.append(substitution) }
    }
    try Self.checkBases(of: plan, sites: sites) { asked[$0]?.line }
    self.plan = plan
    self.substitutions = substitutions
  }

  /// Refuses a basis for rows of unequal length.
  private static func checkBases(
    of plan: Plan, sites: [Site], line: (Int) -> Int?
  ) throws(PlanFileError) {
    var first: [Treatment: Site] = [:]
    for site in sites where plan[site.name].sharesBasis {
      let treatment = plan[site.name]
      guard let other = first[treatment] else {
        first[treatment] = site
        continue
      }
      guard other.columns != site.columns else { continue }
      throw PlanFileError(
        line: line(site.index),
        reason: .unsuitable(
          site: site.name, treatment: treatment.name,
          reason: "its rows have \(site.columns) columns, those of \(other.name), which share the "
            + "basis, \(other.columns)"))
    }
  }

  /// The rules by which ranks are to be found from the weights, by site.
  public static func rankRules(
    text: String, sites: [Site]
  ) throws(PlanFileError) -> [Int: RankRule] {
    try asked(text: text, sites: sites).compactMapValues { $0.treatment.rule }
  }

  /// The sites whose names match `pattern`, of which there must be some.
  public static func sites(
    matching pattern: String, among sites: [Site], line: Int? = nil
  ) throws(PlanFileError) -> [Site] {
    let matching = sites.filter { Glob.matches(pattern, $0.name) }
    guard !matching.isEmpty else { throw PlanFileError(line: line, reason: .noSuchSite(pattern)) }
    return matching
  }

  private static func asked(
    text: String, sites: [Site]
  ) throws(PlanFileError) -> [Int: (treatment: AskedTreatment, line: Int?)] {
    let document = try PlanParser(text: text).document()
    var asked: [Int: (treatment: AskedTreatment, line: Int?)] = [:]
    for site in sites { asked[site.index] = (document.defaultTreatment, nil) }
    for rule in document.rules {
      for site in try Self.sites(matching: rule.pattern, among: sites, line: rule.line) {
        asked[site.index] = (rule.treatment, rule.line)
      }
    }
    return asked
  }

  /// What is asked for with the rank found, or without factors where they would save nothing.
  private static func fit(
    _ asked: AskedTreatment, _ rule: RankRule, rank: Int?, to site: Site, line: Int?
  ) throws(PlanFileError) -> (Treatment, Substitution?) {
    guard let rank else {
      throw PlanFileError(line: line, reason: .unresolvedRank(rule.name))
    }
    var wanted = asked.treatment
    wanted.lowRank = asked.factors
    do throws(RankFault) {
      return (try wanted.factorized(atLeast: rank, for: site), nil)
    } catch .savesNothing(let rank, let breakEven) {
      let (fitted, _) = try fit(asked.treatment, to: site, line: line)
      let reason = RankFault.savesNothing(rank: rank, breakEven: breakEven).reason
      return (
        fitted,
        Substitution(
          site: site.name, asked: "rank=\(rule.name)", used: "the whole weight", reason: reason)
      )
    } catch {
      throw PlanFileError(
        line: line,
        reason: .unsuitable(
          site: site.name, treatment: "rank=\(rule.name)", reason: error.reason))
    }
  }

  /// `treatment` in a format whose blocks the site's rows hold.
  private static func fit(
    _ treatment: Treatment, to site: Site, line: Int?
  ) throws(PlanFileError) -> (Treatment, Substitution?) {
    var fitted = treatment
    var substitution: Substitution?
    if let format = treatment.format, treatment.form == .whole {
      guard let resolution = DefaultFormat.resolve(format, for: treatment.reduced(site)) else {
        throw PlanFileError(
          line: line, reason: .doesNotFit(site: site.name, format: format.name))
      }
      fitted.format = resolution.used
      substitution = resolution.reason.map {
        Substitution(
          site: site.name, asked: format.name, used: resolution.used.name, reason: $0)
      }
    }
    if let problem = fitted.problem(for: site) {
      throw PlanFileError(
        line: line,
        reason: .unsuitable(site: site.name, treatment: fitted.name, reason: problem))
    }
    return (fitted, substitution)
  }

  /// `plan` as a file that reads back to it, a line a treated site, in the order of `sites`.
  public static func text(of plan: Plan, sites: [Site]) -> String {
    var lines = ["version = 1", "", "[defaults]", "format = \"keep\"", "", "[sites]"]
    for site in sites where plan[site.name] != .keep {
      lines.append("\(quoted(site.name)) = \(value(of: plan[site.name]))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A format's name, or a table of settings where there is more to say.
  private static func value(of treatment: Treatment) -> String {
    guard treatment.name.contains("=") else { return quoted(treatment.name) }
    let settings = treatment.settings.map { setting in
      let isNumber = setting.key == "prune" || setting.key == "rank"
      return "\(setting.key) = \(isNumber ? setting.value : quoted(setting.value))"
    }
    return "{ \(settings.joined(separator: ", ")) }"
  }

  /// `text` as a TOML string: one of JSON, but for the control character JSON leaves as it is.
  static func quoted(_ text: String) -> String {
    JSONValue.quoted(text).replacing("\u{7f}", with: "\\u007f")
  }
}

/// Shell patterns over site names: `*` is any run of characters, `?` any one.
enum Glob {
  static func matches(_ pattern: String, _ name: String) -> Bool {
    let pattern = Array(pattern.unicodeScalars)
    let name = Array(name.unicodeScalars)
    var (p, n) = (0, 0)
    var retry: (p: Int, n: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == "*" {
        retry = (p + 1, n)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
        p += 1
        n += 1
      } else if let again = retry {
        p = again.p
        n = again.n + 1
        retry = (again.p, n)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
