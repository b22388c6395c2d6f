public import ViseFormats
public import ViseModels

/// Reads a text file and cuts it into windows of a model's tokens.
public struct TextLoader {
  private let model: Model

  public init(model: Model) {
    self.model = model
  }

  /// The model's tokenizer, from its metadata or the `tokenizer.json` beside it.
  public func tokenizer() throws -> Tokenizer {
    try Tokenizer(checkpoint: model.checkpoint)
  }

  /// Tokenizes all of the file at `path`, special tokens added as the model wants.
  public func tokens(path: String, addSpecial: Bool = true) throws -> [Int32] {
    try tokens(path: path, with: tokenizer(), addSpecial: addSpecial, limit: .max)
  }

  private func tokens(
    path: String, with tokenizer: Tokenizer, addSpecial: Bool = true, limit: Int
  ) throws -> [Int32] {
    let file = try TextFile(path: path)
    return file.withBytes { tokenizer.encode($0, addSpecial: addSpecial, limit: limit) }
  }

  /// The text at `path` in windows; at most `limit` of its tokens.
  public func load(path: String, windowLength: Int, limit: Int?) throws -> EvaluationText {
    let tokenizer = try tokenizer()
    let text = EvaluationText(
      tokens: try tokens(path: path, with: tokenizer, limit: limit ?? .max),
      windowLength: windowLength,
      firstToken: tokenizer.addsBeginToken ? tokenizer.beginToken : nil, limit: limit)
    guard text.windowCount > 0 else {
      throw EvaluationError.textTooShort(tokens: text.tokens.count, needed: windowLength)
    }
    return text
  }
}
