extension Treatment {
  /// The one-line form used on screens and in journals: `keep`, a format's name, or settings such
  /// as `prune=0.3 rank=64 format=int4:g128 method=gptq`.
  public var name: String {
    if settings.isEmpty { return "keep" }
    if let format, self == Treatment(format: format) { return format.name }
    return settings.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  /// What differs from `keep`, in the order it is applied.
  public var settings: [(key: String, value: String)] {
    var settings: [(key: String, value: String)] = []
    var methods: [String] = []
    if let sparsity {
      if case .nOfM = sparsity.pattern {
      } else {
        settings.append(("prune", Self.text(sparsity.ratio)))
      }
      if sparsity.pattern != .unstructured { settings.append(("pattern", sparsity.pattern.name)) }
      if let method = sparsity.method { methods.append(method.rawValue) }
    }
    if let lowRank {
      settings.append(("rank", String(lowRank.rank)))
      if let method = lowRank.method { methods.append(method.rawValue) }
    }
    if let structure { settings.append(("structure", structure.name)) }
    if let format { settings.append(("format", format.name)) }
    if method != .best { methods.append(method.rawValue) }
    if !methods.isEmpty { settings.append(("method", methods.joined(separator: "+"))) }
    if correctsBias { settings.append(("bias", Self.correctedBias)) }
    if let inputs { settings.append(("inputs", inputs.name)) }
    return settings
  }

  /// What `bias` is set to where it takes up the mean error.
  static let correctedBias = "correct"

  /// `0.3` rather than `0.30000000000000004`.
  private static func text(_ ratio: Double) -> String {
    let rounded = (ratio * 1e6).rounded() / 1e6
    return String(rounded)
  }

  /// The treatment a plan or journal calls `name`.
  public init?(name: String) {
    if name.lowercased() == "keep" {
      self = .keep
      return
    }
    if let format = NumberFormat(name: name) {
      self.init(format: format)
      return
    }
    var parser = TreatmentSettings()
    for word in name.split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      do throws(TreatmentSettings.Fault) {
        try parser.set(String(parts[0]), to: String(parts[1]))
      } catch {
        return nil
      }
    }
    guard let treatment = try? parser.treatment(), treatment != .keep else { return nil }
    self = treatment
  }
}

/// Collects the settings of one treatment, in any order, and checks each.
public struct TreatmentSettings {
  /// What is wrong with a setting.
  public enum Fault: Error, Hashable, Sendable {
    case unknownKey(String)
    case badValue(key: String, value: String, expected: String)

    /// The setting it is about.
    public var key: String {
      switch self {
      case .unknownKey(let key), .badValue(let key, _, _): key
      }
    }
  }

  private var values: [String: String] = [:]

  /// The keys a treatment may set.
  public static let keys = [
    "prune", "pattern", "rank", "structure", "format", "group", "symmetric", "method", "bias",
    "inputs",
  ]

  public init() {}

  /// Sets `key` to `value`; the last one wins.
  public mutating func set(_ key: String, to value: String) throws(Fault) {
    guard Self.keys.contains(key) else { throw .unknownKey(key) }
    values[key] = value
  }

  /// The rule the rank is to be found by; `nil` where none is set, or a number.
  public var rankRule: RankRule? {
    guard let rule = values["rank"].flatMap(RankRule.init(name:)) else { return nil }
    if case .fixed = rule { return nil }
    return rule
  }

  /// The same with `rank` in place of a rule; `nil` leaves the weight whole.
  public func settingRank(_ rank: Int?) -> TreatmentSettings {
    var settings = self
    settings.values["rank"] = rank.map { String($0) }
    guard rank == nil else { return settings }
    let words = values["method"]?.split(separator: "+").filter {
      FactorizationMethod(rawValue: $0.lowercased()) == nil
    }
    settings.values["method"] = words.flatMap { $0.isEmpty ? nil : $0.joined(separator: "+") }
    return settings
  }

  /// The treatment all settings make together.
  public func treatment() throws(Fault) -> Treatment {
    let methods = try methods()
    let format = try format()
    if let method = methods.format, method != .best, format == nil {
      throw .badValue(
        key: "method", value: method.rawValue, expected: "a format for it to fill")
    }
    return Treatment(
      sparsity: try sparsity(methods.pruning), lowRank: try lowRank(methods.factorization),
      structure: try structure(), format: format, method: methods.format ?? .best,
      correctsBias: try correctsBias(), inputs: try inputs())
  }

  private func inputs() throws(Fault) -> InputFormat? {
    guard let text = values["inputs"], text != "keep" else { return nil }
    guard let format = InputFormat(name: text) else {
      throw .badValue(key: "inputs", value: text, expected: "int8, int4 or int8:dynamic")
    }
    return format
  }

  private func correctsBias() throws(Fault) -> Bool {
    guard let text = values["bias"] else { return false }
    guard text == "keep" || text == Treatment.correctedBias else {
      throw .badValue(key: "bias", value: text, expected: "keep or correct")
    }
    return text == Treatment.correctedBias
  }

  private typealias Methods = (
    pruning: PruningMethod?, factorization: FactorizationMethod?, format: Method?
  )

  private func methods() throws(Fault) -> Methods {
    var methods: Methods = (nil, nil, nil)
    for word in values["method"]?.split(separator: "+") ?? [] {
      let name = word.lowercased()
      if let method = PruningMethod(rawValue: name) {
        methods.pruning = method
      } else if let method = FactorizationMethod(rawValue: name) {
        methods.factorization = method
      } else if let method = Method(rawValue: name) {
        methods.format = method
      } else {
        throw .badValue(key: "method", value: name, expected: Self.methodNames)
      }
    }
    return methods
  }

  private static var methodNames: String {
    let names =
      PruningMethod.allCases.map(\.rawValue) + FactorizationMethod.allCases.map(\.rawValue)
      + Method.allCases.map(\.rawValue)
    return "one of " + names.joined(separator: ", ")
  }

  private func sparsity(_ method: PruningMethod?) throws(Fault) -> Sparsity? {
    var pattern = Sparsity.Pattern.unstructured
    if let name = values["pattern"] {
      guard let found = Sparsity.Pattern(name: name) else {
        throw .badValue(
          key: "pattern", value: name,
          expected: "unstructured, channels or such as 2:4 and block:16x16")
      }
      pattern = found
    }
    guard let text = values["prune"] else {
      if pattern == .channels || pattern.isBlocks {
        throw .badValue(
          key: "pattern", value: pattern.name, expected: "a prune ratio with it")
      }
      if pattern != .unstructured { return Sparsity(ratio: 0, pattern: pattern, method: method) }
      if let method {
        throw .badValue(key: "method", value: method.rawValue, expected: "a prune ratio for it")
      }
      return nil
    }
    guard let ratio = Double(text), ratio >= 0, ratio < 1 || (ratio == 1 && pattern == .channels)
    else {
      throw .badValue(key: "prune", value: text, expected: "a share of 0 or more and below 1")
    }
    let sparsity = Sparsity(ratio: ratio, pattern: pattern, method: method)
    guard abs(sparsity.ratio - ratio) < 1e-9 || ratio == 0 else {
      throw .badValue(
        key: "prune", value: text, expected: "\(sparsity.ratio), which is what \(pattern.name) is")
    }
    return sparsity.ratio == 0 ? nil : sparsity
  }

  private func lowRank(_ method: FactorizationMethod?) throws(Fault) -> LowRank? {
    guard let text = values["rank"] else {
      if let method {
        throw .badValue(key: "method", value: method.rawValue, expected: "a rank for it")
      }
      return nil
    }
    guard let rank = Int(text), rank > 0 else {
      throw .badValue(
        key: "rank", value: text,
        expected: rankRule == nil
          ? "a whole number above 0, energy:0.95, elbow or erank"
          : "a number; vise plan resolve finds it from the weights")
    }
    return LowRank(rank: rank, method: method)
  }

  private func structure() throws(Fault) -> Structure? {
    guard let name = values["structure"] else { return nil }
    guard let structure = Structure(name: name) else {
      throw .badValue(key: "structure", value: name, expected: Structure.examples)
    }
    if values["rank"] != nil {
      throw .badValue(key: "structure", value: name, expected: "no rank beside it")
    }
    return structure
  }

  private func format() throws(Fault) -> NumberFormat? {
    guard var name = values["format"], name.lowercased() != "keep" else {
      for key in ["group", "symmetric"] {
        if let value = values[key] {
          throw .badValue(key: key, value: value, expected: "a format it belongs to")
        }
      }
      return nil
    }
    if let group = values["group"] { name += ":g\(group)" }
    if let symmetric = values["symmetric"] { name += symmetric == "false" ? ":asym" : ":sym" }
    guard let format = NumberFormat(name: name) else {
      throw .badValue(
        key: "format", value: name, expected: "a format's name, such as q4_K or int4:g128")
    }
    return format
  }
}
