import ViseCompression
public import ViseEstimates

/// The search that was begun last.
public struct SearchPanel: Hashable, Sendable {
  /// How it ended; `nil` while it runs.
  public enum Ending: Hashable, Sendable {
    case finished
    /// Stopped by the user; the best so far stays.
    case stopped
    case failed(String)
  }

  public let job: Int
  public let wish: SearchWish
  public internal(set) var snapshot: SearchSnapshot?
  public internal(set) var isPaused = false
  public internal(set) var ending: Ending?

  public var isRunning: Bool { ending == nil }
}

/// The measured plans and which of them no other beats.
public struct FrontierPanel: Hashable, Sendable {
  /// A measured plan with its exact size.
  public struct Point: Hashable, Sendable {
    public let measured: MeasuredPlan
    public let byteCount: Int
  }

  /// `nil` until the engine has answered.
  public internal(set) var points: [Point]?
  public internal(set) var frontier = Frontier([])
  /// Position on the frontier.
  public internal(set) var cursor = 0

  mutating func show(_ plans: [MeasuredPlan], sizes: SizeModel) {
    let points = plans.map { Point(measured: $0, byteCount: sizes.byteCount(of: $0.plan)) }
    self.points = points
    frontier = Frontier(
      points.enumerated().map { index, point in
        let kl = point.measured.klMean
        return FrontierPoint(
          index: index, costs: [Double(point.byteCount)], loss: kl.value,
          lower: kl.interval?.lower, upper: kl.interval?.upper)
      })
    cursor = min(cursor, max(frontier.points.count - 1, 0))
  }

  /// The plan under the cursor.
  public var selected: Point? {
    guard let points, frontier.points.indices.contains(cursor) else { return nil }
    return points[frontier.points[cursor].index]
  }
}

extension PlanLimits {
  /// How people write it, such as `60 MB`.
  public var label: String {
    var parts: [String] = []
    if let byteCount { parts.append("\(Self.figure(Double(byteCount) / 1e6)) MB") }
    if let decodeSeconds { parts.append("\(Self.figure(decodeSeconds * 1e3)) ms") }
    if let klMean { parts.append("KL \(klMean)") }
    return parts.joined(separator: ", ")
  }

  private static func figure(_ value: Double) -> String {
    let rounded = (value * 1000).rounded() / 1000
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// Reads sizes, shares of the size, bits a weight, times and divergences, commas between.
  ///
  /// - Parameters:
  ///   - whole: bytes of the file as loaded.
  ///   - weights: weights of all sites, and `others`, bytes of all else.
  static func parse(
    _ text: String, whole: Int, weights: Int, others: Int
  ) throws(PromptFault) -> PlanLimits {
    var limits = PlanLimits()
    if ["off", "none"].contains(text.lowercased().filter({ $0 != " " })) { return limits }
    for part in text.split(separator: ",") {
      let word = part.filter { $0 != " " && $0 != "≤" && $0 != "<" && $0 != "=" }.lowercased()
      guard !word.isEmpty else { continue }
      let number = Double(word.prefix { $0.isNumber || $0 == "." })
      let unit = String(word.drop { $0.isNumber || $0 == "." })
      if word.hasPrefix("kl"), let nats = Double(word.dropFirst(2)), nats > 0 {
        limits.klMean = nats
        continue
      }
      guard let number, number > 0, number < 1e15 else {
        throw PromptFault(reason: "expected \(PromptKind.limit.example)")
      }
      switch unit {
      case "%": limits.byteCount = Int(Double(whole) * number / 100)
      case "kb": limits.byteCount = Int(number * 1e3)
      case "mb", "m": limits.byteCount = Int(number * 1e6)
      case "gb", "g": limits.byteCount = Int(number * 1e9)
      case "b": limits.byteCount = Int(number)
      case "bits", "bpw": limits.byteCount = Int(number * Double(weights) / 8) + others
      case "ms": limits.decodeSeconds = number / 1e3
      case "nats": limits.klMean = number
      default: throw PromptFault(reason: "expected \(PromptKind.limit.example)")
      }
    }
    return limits
  }
}
