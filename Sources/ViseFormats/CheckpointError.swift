public import ViseTensor

/// Why a checkpoint cannot be read: which file, where in it, and what is wrong there.
///
/// Names inside a reason come from the file and are untrusted on a screen.
public struct CheckpointError: Error, Hashable, Sendable {
  public let file: String
  /// Where in the file the fault was met; `nil` where no place can be named.
  public let offset: Int?
  public let reason: Reason

  public init(file: String, offset: Int?, reason: Reason) {
    self.file = file
    self.offset = offset
    self.reason = reason
  }

  /// What is wrong with the file.
  public enum Reason: Hashable, Sendable {
    case unreadable(StorageError)
    /// Neither the first bytes nor the name say what the file is.
    case unknownFormat
    case unsupportedVersion(UInt32)
    case bigEndian
    /// The file ends before something it announced.
    case truncated(needed: UInt64, available: Int)
    /// A count or length that nothing real has, or that the file cannot hold.
    case implausible(Quantity, count: UInt64, limit: Int)
    /// A key or tensor name that is empty or not UTF-8.
    case invalidName
    case duplicateKey(String)
    case duplicateTensor(String)
    case unknownValueType(key: String, type: UInt32)
    case nestedTooDeep(key: String)
    /// A key has a value of the wrong kind, or out of its range.
    case invalidValue(key: String)
    /// Alignment that is no power of two.
    case invalidAlignment(UInt64)
    case tooManyDimensions(tensor: String, count: UInt64)
    case zeroDimension(tensor: String)
    /// The tensor's element or byte count does not fit an integer.
    case sizeOverflow(tensor: String)
    /// A GGUF tensor type this program does not know.
    case unknownTensorType(tensor: String, type: UInt32)
    /// The rows do not hold a whole number of blocks.
    case unevenRows(tensor: String, columns: Int, blockLength: Int)
    case misalignedTensor(tensor: String, alignment: Int)
    case tensorOutOfBounds(tensor: String, end: UInt64, limit: Int)
    case overlappingTensors(String, String)
    /// The file's name does not fit its place in a set of split files.
    case notASplitName
    /// A file of a set disagrees with the set about this key.
    case splitMismatch(key: String)
    /// A safetensors header longer than the file or than the format allows.
    case invalidHeaderLength(UInt64)
    case invalidJSON(JSONError.Kind)
    /// The JSON is well-formed but a member is missing, of the wrong kind or out of range.
    case unexpectedJSON(member: String)
    /// A safetensors element type this program does not read.
    case unsupportedElementType(tensor: String, type: String)
    /// The tensor's byte range is not what its shape and type need.
    case spanMismatch(tensor: String, expected: UInt64, found: UInt64)
    /// A shard's file name that leads out of the model's directory.
    case unsafeShardName(String)
    /// The index names a tensor that its shard does not hold.
    case missingTensor(String)
    /// The directory holds no checkpoint.
    case emptyDirectory
    /// The directory holds more than one GGUF model.
    case severalModels([String])
  }

  /// What an implausible number counts.
  public enum Quantity: String, Hashable, Sendable {
    case tensors, keys, stringBytes, arrayElements, nameBytes, files, jsonBytes
  }
}
