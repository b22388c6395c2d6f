public import ViseTensor

/// A checkpoint on disk: its metadata and where its tensors lie.
///
/// Tensor data stays in the mapped files.
public struct Checkpoint: Sendable {
  /// The format of a checkpoint's files.
  public enum Format: String, Hashable, Sendable {
    case gguf, safetensors
  }

  public let format: Format
  /// Where it was opened from: a file, or a directory of safetensors.
  public let path: String
  /// The mapped files; a record's `fileIndex` counts in this list.
  public let files: [MappedFile]
  public let metadata: Metadata
  /// All tensors in the order of the files.
  public let tensors: [TensorRecord]
  private let indices: [String: Int]

  init(
    format: Format, path: String, files: [MappedFile], metadata: Metadata, tensors: [TensorRecord]
  ) throws(CheckpointError) {
    self.format = format
    self.path = path
    self.files = files
    self.metadata = metadata
    self.tensors = tensors
    var indices = [String: Int](minimumCapacity: tensors.count)
    for (index, tensor) in tensors.enumerated() {
      guard indices.updateValue(index, forKey: tensor.name) == nil else {
        throw CheckpointError(
          file: files[tensor.fileIndex].path, offset: nil, reason: .duplicateTensor(tensor.name))
      }
    }
    self.indices = indices
  }

  /// Bytes of all files together.
  public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

  /// The record of the tensor called `name`.
  public func record(named name: String) -> TensorRecord? {
    indices[name].map { tensors[$0] }
  }

  /// Calls `body` with a tensor's bytes, which must not outlive the call.
  ///
  /// The record must be one of this checkpoint's.
  public func withBytes<Result, Failure>(
    of record: TensorRecord, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try files[record.fileIndex].withBytes(
      in: record.offset..<(record.offset + record.byteCount), body)
  }
}

/// Maps a file, turning a storage error into a checkpoint error.
func map(_ path: String) throws(CheckpointError) -> MappedFile {
  do {
    return try MappedFile(path: path)
  } catch {
    throw CheckpointError(file: path, offset: nil, reason: .unreadable(error))
  }
}
