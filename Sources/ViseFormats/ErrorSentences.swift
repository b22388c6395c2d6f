import Glibc
import ViseTensor

/// Names in these sentences come from files: escape them before they reach a terminal.
extension CheckpointError: CustomStringConvertible {
  public var description: String {
    let place = offset.map { " at byte \($0)" } ?? ""
    return "\(file)\(place): \(reason)"
  }
}

extension CheckpointError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let error): sentence(error)
    case .unknownFormat: "neither GGUF nor safetensors"
    case .unsupportedVersion(let version): "GGUF version \(version) is not supported"
    case .bigEndian: "big-endian GGUF is not supported"
    case .truncated(let needed, let available):
      "the file ends early: \(needed) bytes needed, \(available) left"
    case .implausible(let quantity, let count, let limit):
      "\(count) \(quantity.rawValue) announced, at most \(limit) possible"
    case .invalidName: "a name is empty or not UTF-8"
    case .duplicateKey(let key): "the key \(key) appears twice"
    case .duplicateTensor(let name): "the tensor \(name) appears twice"
    case .unknownValueType(let key, let type): "the key \(key) has the unknown type \(type)"
    case .nestedTooDeep(let key): "the key \(key) holds arrays nested too deep"
    case .invalidValue(let key): "the key \(key) has a value of the wrong kind"
    case .invalidAlignment(let alignment): "the alignment \(alignment) is no power of two"
    case .notASplitName: "the name does not fit the split set the file belongs to"
    case .splitMismatch(let key): "\(key) disagrees with the rest of the set"
    case .invalidHeaderLength(let length): "a header of \(length) bytes is not possible"
    case .invalidJSON(let kind): "the JSON is not valid: \(kind)"
    case .unexpectedJSON(let member): "\(member) is missing or of the wrong kind"
    case .unsafeShardName(let name): "the shard name \(name) leads out of the directory"
    case .missingTensor(let name): "the index names \(name), which no shard holds"
    case .emptyDirectory: "the directory holds no model.safetensors, no index and no GGUF file"
    case .severalModels(let names):
      "the directory holds several models (\(names.prefix(4).joined(separator: ", "))); name one"
    default: tensorSentence
    }
  }

  private var tensorSentence: String {
    switch self {
    case .tooManyDimensions(let tensor, let count): "\(tensor) has \(count) dimensions"
    case .zeroDimension(let tensor): "\(tensor) has a dimension of zero"
    case .sizeOverflow(let tensor): "the size of \(tensor) overflows"
    case .unknownTensorType(let tensor, let type): "\(tensor) has the unknown type \(type)"
    case .unevenRows(let tensor, let columns, let block):
      "rows of \(columns) elements of \(tensor) are no whole number of blocks of \(block)"
    case .misalignedTensor(let tensor, let alignment):
      "\(tensor) does not begin at a multiple of \(alignment)"
    case .tensorOutOfBounds(let tensor, let end, let limit):
      "\(tensor) ends at \(end), beyond \(limit)"
    case .overlappingTensors(let first, let second): "\(first) and \(second) overlap"
    case .unsupportedElementType(let tensor, let type):
      "\(tensor) is of type \(type), which is not supported"
    case .spanMismatch(let tensor, let expected, let found):
      "\(tensor) has \(found) bytes where its shape needs \(expected)"
    default: "the file is damaged"
    }
  }
}

func sentence(_ error: StorageError) -> String {
  switch error {
  case .cannotOpen(_, let code): "cannot open: \(systemMessage(code))"
  case .notARegularFile: "not a regular file"
  case .cannotMap(_, let code): "cannot map: \(systemMessage(code))"
  }
}

private func systemMessage(_ code: Int32) -> String {
  String(cString: strerror(code))
}

extension GGUFLayoutError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .duplicateTensor(let name): "the tensor \(name) appears twice"
    case .invalidName(let name): "the tensor name \(name) is empty or too long"
    case .invalidShape(let tensor, let shape): "\(tensor) cannot have the shape \(shape)"
    case .unevenRows(let tensor, let columns, let type):
      "\(tensor): rows of \(columns) elements hold no whole number of \(type.name) blocks"
    case .invalidAlignment: "general.alignment is no power of two"
    }
  }
}

extension TokenizerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalid(let member): "the tokenizer's \(member) is missing or not what it should be"
    case .unsupportedModel(let model): "the tokenizer model \(model) is not supported"
    case .unsupportedPreTokenizer(let name): "the pre-tokenizer \(name) is not supported"
    case .unsupportedComponent(let name): "the tokenizer component \(name) is not supported"
    case .invalidJSON(let error):
      "the tokenizer's JSON is not valid at byte \(error.offset): \(error.kind)"
    }
  }
}
