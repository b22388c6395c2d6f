/// Turns the bytes of a text without special tokens into ids.
protocol FragmentEncoder: Sendable {
  /// Appends the ids of `text`.
  func encode(
    _ text: UnsafeRawBufferPointer, context: FragmentContext, into output: inout [Int32])
}

/// Where in its input a fragment of text stands.
struct FragmentContext {
  /// It begins the input.
  var isFirst = true
  /// It begins the input or follows a special token.
  var followsToken = true
  /// Control tokens are to be read from the text.
  var parseControl = false
  /// Tokens beyond this many of all output may be left out.
  var limit = Int.max
}

/// A reason a model's tokenizer cannot be used.
public enum TokenizerError: Error, Hashable, Sendable {
  /// The metadata or the JSON lacks this member, or it is not what it should be.
  case invalid(String)
  /// An algorithm that is not one of those supported.
  case unsupportedModel(String)
  case unsupportedPreTokenizer(String)
  /// A part of a `tokenizer.json` that is not supported.
  case unsupportedComponent(String)
  case invalidJSON(JSONError)
}

/// Turns text into the ids a model was trained on, and back.
public struct Tokenizer: Sendable {
  /// How a token's text is to be read.
  enum Spelling: Hashable, Sendable {
    /// GPT-2's printable characters.
    case byteAlphabet
    /// U+2581 for a space, `<0x41>` for a byte.
    case sentencePiece
  }

  let vocabulary: Vocabulary
  let encoder: any FragmentEncoder
  let specialTokens: SpecialTokens
  let spelling: Spelling
  /// The token that begins a text.
  public let beginToken: Int32?
  /// The token that ends a text.
  public let endToken: Int32?
  /// What goes before and after a text when special tokens are asked for.
  let prefix: [Int32]
  let suffix: [Int32]

  /// Whether `encode` puts the begin token first when special tokens are asked for.
  public var addsBeginToken: Bool { beginToken != nil && prefix.first == beginToken }
  /// Whether `encode` puts the end token last when special tokens are asked for.
  public var addsEndToken: Bool { endToken != nil && suffix.last == endToken }

  public var vocabularyCount: Int { vocabulary.count }

  /// The ids of `text`.
  ///
  /// `addSpecial` adds the begin and end tokens as the model wants; `parseSpecial` reads control
  /// tokens spelled out in the text as such. Any bytes are valid input. The first `limit` ids are
  /// those of the whole text; what comes after them may not be.
  public func encode(
    _ text: UnsafeRawBufferPointer, addSpecial: Bool = true, parseSpecial: Bool = false,
    limit: Int = .max
  ) -> [Int32] {
    var output: [Int32] = []
    output.reserveCapacity(min(text.count / 3, limit))
    if addSpecial { output += prefix }
    var context = FragmentContext(parseControl: parseSpecial, limit: limit)
    specialTokens.forEachFragment(of: text, parseControl: parseSpecial) { fragment in
      switch fragment {
      case .token(let id):
        output.append(id)
        context.followsToken = true
        context.isFirst = false
      case .text(let range):
        encoder.encode(
          UnsafeRawBufferPointer(rebasing: text[range]), context: context, into: &output)
        context.followsToken = false
        context.isFirst = false
      }
    }
    if addSpecial { output += suffix }
    return output
  }

  public func encode(
    _ text: [UInt8], addSpecial: Bool = true, parseSpecial: Bool = false
  ) -> [Int32] {
    text.span.withUnsafeBytes {
      encode($0, addSpecial: addSpecial, parseSpecial: parseSpecial)
    }
  }

  public func encode(
    _ text: String, addSpecial: Bool = true, parseSpecial: Bool = false
  ) -> [Int32] {
    encode(Array(text.utf8), addSpecial: addSpecial, parseSpecial: parseSpecial)
  }

  /// The bytes a token stands for; control tokens give their name, ids out of range nothing.
  public func pieceBytes(_ id: Int32) -> [UInt8] {
    guard id >= 0, id < vocabulary.count else { return [] }
    let text = vocabulary.bytes(of: id)
    switch vocabulary.kinds[Int(id)] {
    case .control, .unknown, .userDefined:
      return Array(text)
    case .byte:
      return vocabulary.byteValue(of: id).map { [$0] } ?? Array(text)
    case .normal, .unused:
      return spelling == .byteAlphabet ? ByteAlphabet.decode(text) : replaceBlocks(in: text)
    }
  }

  /// A token as text, for a person to read; bytes that are no UTF-8 become U+FFFD.
  public func pieceText(_ id: Int32) -> String {
    String(decoding: pieceBytes(id), as: UTF8.self)
  }

  /// The bytes that `ids` stand for, one after the other.
  public func decode(_ ids: some Sequence<Int32>) -> [UInt8] {
    ids.flatMap { pieceBytes($0) }
  }
}

/// The bytes of U+2581, which stands for a space in SentencePiece vocabularies.
let spaceBlock: [UInt8] = [0xE2, 0x96, 0x81]

private func replaceBlocks(in text: ArraySlice<UInt8>) -> [UInt8] {
  var result: [UInt8] = []
  var rest = text
  while let first = rest.first {
    if rest.starts(with: spaceBlock) {
      result.append(UInt8(ascii: " "))
      rest = rest.dropFirst(3)
    } else {
      result.append(first)
      rest = rest.dropFirst()
    }
  }
  return result
}
