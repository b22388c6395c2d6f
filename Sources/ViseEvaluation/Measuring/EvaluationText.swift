import ViseModels

/// Token ids of a text cut into windows of equal length, as llama.cpp's perplexity tool does.
///
/// The first half of each window is context, the second is scored: positions `length/2` up to the
/// last but one predict the token after them. A tail shorter than a window is left out.
public struct EvaluationText: Hashable, Sendable {
  public let tokens: [Int32]
  public let windowLength: Int
  /// Put in place of each window's first token where the model wants it.
  public let firstToken: Int32?

  /// - Parameter limit: at most this many tokens are used, in whole windows.
  public init(tokens: [Int32], windowLength: Int, firstToken: Int32?, limit: Int? = nil) {
    precondition(windowLength >= 4)
    self.tokens = limit.map { Array(tokens.prefix($0)) } ?? tokens
    self.windowLength = windowLength
    self.firstToken = firstToken
  }

  public var windowCount: Int { tokens.count / windowLength }

  /// Positions of a window that are scored.
  public var scoredPositions: Range<Int> { windowLength / 2..<windowLength - 1 }

  /// The tokens fed for window `index`.
  public func window(_ index: Int) -> [Int32] {
    var window = Array(tokens[index * windowLength..<(index + 1) * windowLength])
    if let firstToken { window[0] = firstToken }
    return window
  }

  /// Names all windows.
  public var evaluationIdentity: String { identity(windows: windowCount) }

  /// Names the first `count` windows, which are what a measurement on them depends on.
  func identity(windows count: Int) -> String {
    var hash = WordHash()
    tokens.prefix(count * windowLength).withUnsafeBytes { hash.combine($0) }
    return "\(hash.hexadecimal) \(windowLength) \(firstToken.map(String.init) ?? "none")"
  }

  /// The tokens the scored positions of window `index` should predict.
  public func targets(_ index: Int) -> [Int32] {
    let start = index * windowLength
    return scoredPositions.map { tokens[start + $0 + 1] }
  }
}
