import ViseEstimates

/// How figures are written, the same on every screen.
enum Numbers {
  /// `value` with `digits` decimals.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "−inf" : "inf" }
    var factor = 1.0
    for _ in 0..<digits { factor *= 10 }
    let scaled = (value.magnitude * factor).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let sign = value < 0 && scaled > 0 ? "−" : ""
    let whole = Int(scaled / factor)
    guard digits > 0 else { return "\(sign)\(whole)" }
    let fraction = "\(Int(scaled) - whole * Int(factor))"
    let padding = String(repeating: "0", count: digits - fraction.count)
    return "\(sign)\(whole).\(padding)\(fraction)"
  }

  /// A positive quantity in at most six columns, about three significant digits.
  static func compact(_ value: Double) -> String {
    let magnitude = value.magnitude
    if magnitude == 0 { return "0" }
    if magnitude < 0.001 { return scientific(value) }
    if magnitude < 0.1 { return fixed(value, 4) }
    if magnitude < 1 { return fixed(value, 3) }
    if magnitude < 10 { return fixed(value, 2) }
    if magnitude < 100 { return fixed(value, 1) }
    return magnitude < 1e6 ? fixed(value, 0) : scientific(value)
  }

  /// As `compact`, rounded until it takes no more than `columns`.
  static func compact(_ value: Double, within columns: Int) -> String {
    let text = compact(value)
    guard text.count > columns else { return text }
    let shorter = [4, 3, 2, 1, 0].lazy.map { fixed(value, $0) }.first { $0.count <= columns }
    guard let shorter, shorter.contains(where: { "123456789".contains($0) }) else {
      return value.magnitude < 1 ? "≈0" : "…"
    }
    return shorter
  }

  /// Half an interval's width, with as many decimals as the value beside it is written with.
  static func halfWidth(_ half: Double, beside value: Double) -> String {
    let written = compact(value)
    guard !written.contains("e"), value != 0 else { return compact(half) }
    let decimals = written.split(separator: ".").dropFirst().first?.count ?? 0
    let text = fixed(half, decimals)
    return text.contains { "123456789".contains($0) } ? text : compact(half)
  }

  private static func scientific(_ value: Double) -> String {
    guard value.isFinite else { return fixed(value, 0) }
    var mantissa = value
    var exponent = 0
    while mantissa.magnitude >= 9.95 {
      mantissa /= 10
      exponent += 1
    }
    while mantissa.magnitude < 0.995, exponent > -99 {
      mantissa *= 10
      exponent -= 1
    }
    // An exponent of two digits takes the place of the decimal.
    return "\(fixed(mantissa, exponent < -9 ? 0 : 1))e\(exponent)"
  }

  /// Bytes in decimal units, such as `112.4 MB`.
  static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(count)
    var unit = 0
    while value.magnitude >= 999.95, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0
      ? "\(count) B" : "\(fixed(value, value.magnitude < 9.995 ? 2 : 1)) \(units[unit])"
  }

  /// A change of bytes with its sign.
  static func byteDelta(_ delta: Int) -> String {
    delta < 0 ? "−\(bytes(-delta))" : delta > 0 ? "+\(bytes(delta))" : "±0 B"
  }

  /// An integer in groups of three digits.
  static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(" ") }
      text.append(digit)
    }
    return value < 0 ? "−\(text)" : text
  }

  /// A count with a decimal unit, such as `134.5 M`.
  static func count(_ value: Int) -> String {
    let magnitude = Double(value)
    if magnitude >= 999_950_000 { return "\(fixed(magnitude / 1e9, 2)) G" }
    if magnitude >= 999_950 { return "\(fixed(magnitude / 1e6, 1)) M" }
    return magnitude >= 9_999.5 ? "\(fixed(magnitude / 1e3, 1)) k" : "\(value)"
  }

  /// A share in percent, four columns at most.
  static func percent(_ share: Double) -> String {
    let percent = share * 100
    return percent >= 99.95
      ? "100%" : percent < 9.95 ? "\(fixed(percent, 1))%" : "\(fixed(percent, 0))%"
  }

  /// Seconds as `0:12` or `1:02:03`.
  static func duration(_ seconds: Double) -> String {
    let total = Int(min(max(seconds, 0), 359_999).rounded(.up))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    return hours > 0
      ? "\(hours):\(two(minutes)):\(two(total % 60))" : "\(minutes):\(two(total % 60))"
  }
}

extension Trust {
  var isOutside: Bool {
    if case .outside = self { true } else { false }
  }

  /// What follows the interval's level in a panel's title.
  var words: String {
    switch self {
    case .method: "of the method"
    case .trials(let count): "from \(count) measured plans"
    case .neighbour: "from a measured neighbour"
    case .outside: "outside what predictions hold for"
    }
  }
}

extension Provenance {
  /// One word for a gauge's row.
  var word: String {
    switch self {
    case .exact: "exact"
    case .prior: "prior"
    case .predicted: "predicted"
    case .measured: "measured"
    }
  }

  /// The whole story, for a panel's title; `sample` is what quality is a mean over.
  func sentence(_ sample: ModelSummary.Sample) -> String {
    switch self {
    case .exact: "exact"
    case .prior: "prior, no activation seen yet"
    case .predicted(let count): "predicted on \(Numbers.grouped(count)) \(sample.rawValue)s"
    case .measured(let count, let total):
      "measured \(Numbers.grouped(count)) of \(Numbers.grouped(total)) \(sample.rawValue)s"
    }
  }
}
