import ViseFormats
import ViseModels

/// What a calibration file says about itself in its metadata.
struct CalibrationHeader: Hashable, Sendable {
  /// The model's fingerprint.
  var model: String
  /// A hash of the token ids.
  var data: String
  var windowLength: Int
  /// Windows of the whole text.
  var windowCount: Int
  /// Windows summed so far; all of them in a finished file.
  var windowsDone: Int
  /// Where the text came from, in words.
  var source: String

  static let version = "1"
  private static let prefix = "safetensors."

  var tokenCount: Int { windowsDone * windowLength }

  var isFinished: Bool { windowsDone == windowCount }

  /// Whether the two are sums over the same windows of the same model, perhaps not equally far.
  func agrees(with other: CalibrationHeader) -> Bool {
    var same = other
    same.windowsDone = windowsDone
    same.source = source
    return same == self
  }

  /// A hash of all that decides the statistics.
  var identity: String {
    var hash = FNV1a()
    let facts = [Self.version, model, data, "\(windowLength)", "\(windowCount)"]
    hash.combine(facts.joined(separator: " ").utf8)
    return hash.hexadecimal
  }

  var metadata: [String: String] {
    [
      "vise.kind": "calibration", "vise.version": Self.version, "vise.model": model,
      "vise.data": data, "vise.window": "\(windowLength)", "vise.windows": "\(windowCount)",
      "vise.windows_done": "\(windowsDone)", "vise.source": source,
    ]
  }
}

extension CalibrationHeader {
  /// Reads the metadata of a file; `nil` where it is no calibration file of this version.
  init?(_ metadata: Metadata) {
    func text(_ key: String) -> String? { metadata[Self.prefix + key]?.asString }
    func count(_ key: String) -> Int? { text(key).flatMap { Int($0) } }
    guard text("vise.kind") == "calibration", text("vise.version") == Self.version,
      let model = text("vise.model"), let data = text("vise.data"),
      let windowLength = count("vise.window"), let windowCount = count("vise.windows"),
      let windowsDone = count("vise.windows_done"), let source = text("vise.source"),
      (1...1 << 24).contains(windowLength), (1...1 << 38).contains(windowCount),
      (1...windowCount).contains(windowsDone)
    else { return nil }
    self.init(
      model: model, data: data, windowLength: windowLength, windowCount: windowCount,
      windowsDone: windowsDone, source: source)
  }

  init(model: Model, text: EvaluationText, source: String) {
    var hash = FNV1a()
    for token in text.tokens.prefix(text.windowCount * text.windowLength) {
      withUnsafeBytes(of: token.littleEndian) { hash.combine($0) }
    }
    if let first = text.firstToken { hash.combine("first \(first)".utf8) }
    self.init(
      model: model.fingerprint, data: hash.hexadecimal, windowLength: text.windowLength,
      windowCount: text.windowCount, windowsDone: 0, source: source)
  }
}
