public import ViseCompression
public import ViseEstimates

/// Where a plan to hold the edited one against comes from.
public enum PlanSource: Hashable, Sendable {
  /// The model as the file has it.
  case loaded
  /// The plan as this session began.
  case opening
  /// The other of the two plans that are open.
  case parked
  /// A state of the history, with the plan it is of.
  case state(Int, Plan)
  /// A plan measured before.
  case measured(MeasuredPlan)
  /// A mix of types that llama-quantize has under this name.
  case preset(String)
  /// A plan file.
  case file(String)

  /// How titles call it.
  public var title: String {
    switch self {
    case .loaded: "as loaded"
    case .opening: "at opening"
    case .parked: "the other plan"
    case .state(let state, _): "state \(state)"
    case .measured: "frontier"
    case .preset(let name): name
    case .file(let path): path.split(separator: "/").last.map(String.init) ?? path
    }
  }
}

/// What looking for a plan came to.
public enum PlanAnswer: Hashable, Sendable {
  case found(Plan)
  /// Why there is none.
  case refused(String)
}

/// The edited plan beside another.
public struct PlanComparison: Hashable, Sendable {
  /// A site the two treat differently.
  public struct Difference: Hashable, Sendable {
    public let site: Int
    /// Bytes under the edited plan less those under the other.
    public let byteDelta: Int
    /// The same of the divergences either treatment alone brings, in nats, where both are known.
    public let lossDelta: Double?
  }

  /// How differences are ordered; the largest come first.
  public enum Order: String, CaseIterable, Hashable, Sendable {
    case bytes, loss, model
  }

  /// Plans that can be compared with, in the order they are gone through.
  public internal(set) var sources: [PlanSource]
  public internal(set) var index: Int
  /// `nil` until it is known.
  public internal(set) var plan: Plan?
  /// Why there is no such plan.
  public internal(set) var problem: String?
  public internal(set) var byteCount: Int?
  public internal(set) var quality: QualityEstimate?
  public internal(set) var latency: LatencyEstimate?
  public internal(set) var differences: [Difference] = []
  public internal(set) var order = Order.bytes
  /// Position in `differences`.
  public internal(set) var cursor = 0

  /// The plan compared with.
  public var source: PlanSource { sources[index] }

  /// The difference under the cursor.
  public var selected: Difference? {
    differences.indices.contains(cursor) ? differences[cursor] : nil
  }

  /// What may be said of two figures of a plan each.
  public enum Verdict: String, Hashable, Sendable {
    /// Their intervals do not meet.
    case apart
    /// Their intervals meet: which is larger is not known.
    case overlap
  }

  /// Whether `first` and `second` can be told apart; `nil` where either has no interval.
  public static func verdict(_ first: Estimate, _ second: Estimate) -> Verdict? {
    func range(_ estimate: Estimate) -> (lower: Double, upper: Double)? {
      if case .outside = estimate.trust { return nil }
      if let interval = estimate.interval { return (interval.lower, interval.upper) }
      return estimate.provenance == .exact ? (estimate.value, estimate.value) : nil
    }
    guard let first = range(first), let second = range(second) else { return nil }
    return first.upper < second.lower || second.upper < first.lower ? .apart : .overlap
  }
}
