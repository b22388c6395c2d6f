import ViseFormats

/// Sentences for what can be wrong with a checkpoint: the file, the place and the reason.
enum CheckpointErrorText {
  static func sentence(_ error: CheckpointError) -> String {
    let place = error.offset.map { " at byte \($0)" } ?? ""
    return "\(error.file)\(place): \(reason(error.reason))"
  }

  private static func reason(_ reason: CheckpointError.Reason) -> String {
    switch reason {
    case .unreadable(let error): ErrorText.storage(error)
    case .unknownFormat: "neither GGUF nor safetensors"
    case .unsupportedVersion(let version): "GGUF version \(version); 2 and 3 can be read"
    case .bigEndian: "a big-endian GGUF file; only little-endian ones can be read"
    case .truncated(let needed, let available):
      "ends too early: \(needed) bytes announced, \(available) left"
    case .implausible(let quantity, let count, let limit):
      "announces \(count) \(name(quantity)), more than the \(limit) there can be"
    case .invalidName: "a name that is empty or not UTF-8"
    case .duplicateKey(let key): "the key \"\(key)\" appears twice"
    case .duplicateTensor(let name): "the tensor \"\(name)\" appears twice"
    default: "\(reason)"
    }
  }

  private static func name(_ quantity: CheckpointError.Quantity) -> String {
    switch quantity {
    case .tensors: "tensors"
    case .keys: "keys"
    case .stringBytes: "bytes of text"
    case .arrayElements: "array elements"
    case .nameBytes: "bytes of a name"
    case .files: "files"
    case .jsonBytes: "bytes of JSON"
    }
  }
}
