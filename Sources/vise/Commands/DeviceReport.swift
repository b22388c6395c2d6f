import ViseDevices

/// The profiles, as `vise devices` lists them.
struct DeviceList: Encodable {
  struct Entry: Encodable {
    let name, title, kind, source: String
    let bandwidth, capacity, bandwidthEfficiency: Double
    let bandwidthEfficiencyReason: String
    /// Dense operations a second by native width.
    let peaks: [String: Double]
    let computeEfficiency: Double
    let computeEfficiencyReason: String
    let dequantizationOperations: Double
    let tile: Int
    let overheadSeconds: Double
    let overheadReason: String
    let energySource: String?
    let powerWatts, joulesPerByte, joulesPerOperation: Double?

    init(_ profile: DeviceProfile) {
      name = profile.name
      title = profile.title
      kind = profile.kind.rawValue
      source = profile.source
      bandwidth = profile.memory.bandwidth
      capacity = profile.memory.capacity
      bandwidthEfficiency = profile.memory.efficiency
      bandwidthEfficiencyReason = profile.memory.efficiencyReason
      peaks = Dictionary(
        uniqueKeysWithValues: profile.compute.peaks.map { ($0.key.rawValue, $0.value) })
      computeEfficiency = profile.compute.efficiency
      computeEfficiencyReason = profile.compute.efficiencyReason
      dequantizationOperations = profile.compute.dequantization
      tile = profile.compute.tile
      overheadSeconds = profile.overhead.perOperation
      overheadReason = profile.overhead.reason
      energySource = profile.energy?.source
      var watts, perByte, perOperation: Double?
      switch profile.energy?.basis {
      case .power(let value): watts = value
      case .parts(let byte, let operation): (perByte, perOperation) = (byte, operation)
      case nil: break
      }
      powerWatts = watts
      joulesPerByte = perByte
      joulesPerOperation = perOperation
    }
  }

  let devices: [Entry]

  init(_ profiles: [DeviceProfile]) { devices = profiles.map(Entry.init) }

  /// At most 80 columns; rates in 10¹² a second.
  func printTable() {
    print("device              GB/s     GB    fp32    fp16     fp8    int8    int4      W")
    for device in devices {
      let rates = ComputeWidth.allCases.map { width in
        Columns.right(device.peaks[width.rawValue].map { Columns.short($0 / 1e12) } ?? "–", 8)
      }
      print(
        Columns.left(device.name, 16) + Columns.right(Columns.short(device.bandwidth / 1e9), 8)
          + Columns.right(Columns.short(device.capacity / 1e9), 7) + rates.joined()
          + Columns.right(device.powerWatts.map(Columns.short) ?? "–", 7))
    }
    print("Peaks in 10¹² dense operations/s; – is not native or not published.")
    print("--json names the sources and what is assumed.")
  }
}

/// What a model would cost on each device.
struct DeviceReport: Encodable {
  struct Entry: Encodable {
    let device, title: String
    let decodeTokensPerSecond, prefillTokensPerSecond, secondsToFirstToken: Double
    let decodeCeiling, prefillCeiling: String
    /// Seconds of one token, or of the prompt, by the ceiling that binds each operation.
    let decodeSeconds, prefillSeconds: [String: Double]
    let memoryBytes, weightBytes, keyValueBytes, activationBytes: Int
    let capacityBytes: Double
    let fits: Bool
    let joulesPerToken: Double?
    let energyIsUpperBound: Bool?
    let energySource: String?
    let source: String

    init(_ estimate: DeviceEstimate) {
      device = estimate.profile.name
      title = estimate.profile.title
      decodeTokensPerSecond = estimate.decodeTokensPerSecond
      prefillTokensPerSecond = estimate.prefillTokensPerSecond
      secondsToFirstToken = estimate.secondsToFirstToken
      decodeCeiling = estimate.decode.binding.rawValue
      prefillCeiling = estimate.prefill.binding.rawValue
      decodeSeconds = Self.seconds(estimate.decode)
      prefillSeconds = Self.seconds(estimate.prefill)
      memoryBytes = estimate.memory.total
      weightBytes = estimate.memory.weights
      keyValueBytes = estimate.memory.keysAndValues
      activationBytes = estimate.memory.activations
      capacityBytes = estimate.memory.capacity
      fits = estimate.memory.fits
      joulesPerToken = estimate.energy?.joulesPerToken
      energyIsUpperBound = estimate.energy?.isUpperBound
      energySource = estimate.energy?.source
      source = estimate.profile.source
    }

    private static func seconds(_ time: RooflineTime) -> [String: Double] {
      Dictionary(
        uniqueKeysWithValues: Ceiling.allCases.map { ceiling in
          let words = ceiling.rawValue.split(separator: " ")
          return (words.joined(separator: "_"), time.seconds[ceiling] ?? 0)
        })
    }
  }

  let provenance: String
  let context, prompt, activationBits: Int
  let devices: [Entry]
  let substitutions: [SubstitutionEntry]

  init(
    _ estimates: [DeviceEstimate], context: Int, activations: ActivationBits,
    substitutions: [SubstitutionEntry]
  ) {
    provenance = Roofline.provenance
    self.context = context
    prompt = estimates.first?.prompt ?? 0
    activationBits = activations.rawValue
    devices = estimates.map(Entry.init)
    self.substitutions = substitutions
  }

  /// At most 80 columns.
  func printTable() {
    for entry in substitutions { StandardError.write(entry.sentence + "\n") }
    print("device            decode  prefill    first    memory    energy  bound by")
    print("                   tok/s    tok/s  token ms      MB    mJ/token")
    for entry in devices {
      let energy = entry.joulesPerToken.map {
        (entry.energyIsUpperBound == true ? "≤" : "") + Columns.short($0 * 1e3)
      }
      let memory = Columns.short(Double(entry.memoryBytes) / 1e6) + (entry.fits ? " " : "!")
      print(
        Columns.left(entry.device, 15)
          + Columns.right(Columns.short(entry.decodeTokensPerSecond), 9)
          + Columns.right(Columns.short(entry.prefillTokensPerSecond), 9)
          + Columns.right(Columns.short(entry.secondsToFirstToken * 1e3), 9)
          + Columns.right(memory, 10) + Columns.right(energy ?? "–", 10) + "  "
          + entry.decodeCeiling)
    }
    print(
      "Decoding after \(context) tokens; prompt of \(prompt); \(activationBits)-bit activations.")
    print("\(provenance); nothing is measured, there is no interval.")
    print("≤: published power × time.  !: does not fit.  Bound by: in decoding.")
  }
}

/// Cells of a table on a terminal.
enum Columns {
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// Three significant digits at most six characters long, such as `0.154`, `12.3` or `1.2e7`.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    if value == 0 { return "0" }
    let magnitude = abs(value)
    if magnitude >= 99_999.5 || magnitude < 0.001 { return scientific(value) }
    if magnitude >= 99.95 { return String(Int(value.rounded())) }
    let places = magnitude >= 9.995 ? 10.0 : magnitude >= 0.9995 ? 100 : 1000
    let rounded = (value * places).rounded() / places
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }

  private static func scientific(_ value: Double) -> String {
    var exponent = 0
    var mantissa = value
    while abs(mantissa) >= 9.95 {
      mantissa /= 10
      exponent += 1
    }
    while abs(mantissa) < 0.995 {
      mantissa *= 10
      exponent -= 1
    }
    return "\((mantissa * 10).rounded() / 10)e\(exponent)"
  }
}
