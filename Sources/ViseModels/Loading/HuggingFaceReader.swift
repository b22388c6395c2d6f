import ViseFormats

/// Typed access to `config.json`, whose inner objects are flattened to keys joined by dots.
struct HuggingFaceReader {
  let metadata: Metadata
  let modelType: String
  /// What precedes the text model's keys.
  let prefix: String

  func invalid(_ key: String, _ reason: String) -> ModelError {
    .invalidMetadata(key: prefix + key, reason: reason)
  }

  private func value(_ key: String) -> MetadataValue? { metadata[prefix + key] }

  func has(_ key: String) -> Bool { value(key) != nil }

  func bool(_ key: String) -> Bool? { value(key)?.asBool }

  func string(_ key: String) -> String? { value(key)?.asString }

  func optionalCount(_ key: String, zeroIsNone: Bool = false) throws(ModelError) -> Int? {
    guard let value = value(key), !(zeroIsNone && value.asInt == 0) else { return nil }
    guard let count = value.asInt, count > 0, count <= ConfigurationLimits.largestCount else {
      throw invalid(key, "no positive number that makes sense")
    }
    return count
  }

  func count(_ key: String, default fallback: Int? = nil) throws(ModelError) -> Int {
    guard let count = try optionalCount(key) ?? fallback else { throw invalid(key, "missing") }
    return count
  }

  func optionalNumber(_ key: String) throws(ModelError) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.asDouble, ConfigurationLimits.isUsable(number) else {
      throw invalid(key, "no positive number")
    }
    return number
  }

  /// The number of the first of `keys` that is there.
  func firstNumber(_ keys: [String]) throws(ModelError) -> Double? {
    try keys.first(where: has).map { (key) throws(ModelError) in try number(key) }
  }

  func number(_ key: String) throws(ModelError) -> Double {
    guard let number = try optionalNumber(key) else { throw invalid(key, "missing") }
    return number
  }

  /// Refuses a model whose activation is none of `names`; a missing key means the type's own.
  func expectActivation(_ key: String, among names: Set<String>) throws(ModelError) {
    guard let name = string(key), !names.contains(name) else { return }
    throw invalid(key, "activation \"\(name)\" is not supported")
  }

  /// Local blocks where the file names each block's kind; `nil` where it does not.
  func localBlocks(count: Int) throws(ModelError) -> [Bool]? {
    guard let value = value("layer_types") else { return nil }
    guard let kinds = value.asStrings, kinds.count >= count,
      kinds.allSatisfy({ ["sliding_attention", "full_attention"].contains($0) })
    else {
      throw invalid("layer_types", "does not say for each block which attention it has")
    }
    return kinds.prefix(count).map { $0 == "sliding_attention" }
  }
}

extension HuggingFaceReader {
  /// The rotary table of blocks that see everything.
  ///
  /// Older files have `rope_theta` and `rope_scaling`, newer ones `rope_parameters`, which may
  /// hold a set for each kind of block.
  func rope(headLength: Int, defaultBase: Double) throws(ModelError) -> RopeTable {
    if let share = try optionalNumber("partial_rotary_factor"), share != 1 {
      throw invalid("partial_rotary_factor", "partly rotated heads are not supported")
    }
    let section = ropeSection(
      among: ["rope_parameters.full_attention.", "rope_parameters.", "rope_scaling."])
    let base = try firstNumber(["\(section)rope_theta", "rope_theta"]) ?? defaultBase
    var table = RopeTable(rotary: headLength, base: Float(base))
    switch string("\(section)rope_type") ?? string("\(section)type") {
    case nil, "default":
      break
    case "linear":
      table.positionScale = Float(try number("\(section)factor"))
    case "llama3":
      table.llama3 = try llama3(section)
    case let other?:
      throw invalid("\(section)rope_type", "scaling \"\(other)\" is not supported")
    }
    return table
  }

  /// The rotary base of blocks that see only a window.
  func localRopeBase() throws(ModelError) -> Float? {
    let section = "rope_parameters.sliding_attention."
    if let type = string("\(section)rope_type"), type != "default" {
      throw invalid("\(section)rope_type", "scaling \"\(type)\" is not supported")
    }
    return try firstNumber(["\(section)rope_theta", "rope_local_base_freq"]).map { Float($0) }
  }

  private func ropeSection(among sections: [String]) -> String {
    let members = ["rope_type", "type", "rope_theta", "factor"]
    return sections.first { section in members.contains { has(section + $0) } } ?? "rope_scaling."
  }

  private func llama3(_ section: String) throws(ModelError) -> Llama3Scaling {
    let scaling = Llama3Scaling(
      factor: try number("\(section)factor"),
      lowFrequencyFactor: try number("\(section)low_freq_factor"),
      highFrequencyFactor: try number("\(section)high_freq_factor"),
      originalContextLength: try number("\(section)original_max_position_embeddings"))
    guard scaling.lowFrequencyFactor < scaling.highFrequencyFactor else {
      throw invalid("\(section)high_freq_factor", "not above the low frequency factor")
    }
    return scaling
  }
}
