import ViseTensor

/// The place of one file in a set named `prefix-00001-of-00003.gguf`.
struct GGUFSplitName: Equatable {
  let prefix: String
  /// Counted from 1.
  let number: Int
  let count: Int

  init?(path: String) {
    let suffix = ".gguf"
    guard path.hasSuffix(suffix) else { return nil }
    // "-00001-of-00003"
    let stem = path.utf8.dropLast(suffix.utf8.count)
    guard stem.count > 15 else { return nil }
    let tail = Array(stem.suffix(15))
    guard tail[0] == UInt8(ascii: "-"), Array(tail[6..<10]) == Array("-of-".utf8),
      let number = Self.number(tail[1..<6]), let count = Self.number(tail[10..<15]),
      number >= 1, number <= count
    else { return nil }
    prefix = String(decoding: stem.dropLast(15), as: UTF8.self)
    self.number = number
    self.count = count
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// The path of file `number` of the set.
  func path(number: Int) -> String {
    "\(prefix)-\(Self.padded(number))-of-\(Self.padded(count)).gguf"
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}

/// Opens a GGUF file and, where it is one of a split set, the whole set.
func openGGUF(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
  let header = try readGGUFHeader(file)
  guard let count = header.metadata["split.count"]?.asInt, count > 1 else {
    return try Checkpoint(
      format: .gguf, path: file.path, files: [file], metadata: header.metadata,
      tensors: header.tensors)
  }
  guard let name = GGUFSplitName(path: file.path), name.count == count else {
    throw CheckpointError(file: file.path, offset: nil, reason: .notASplitName)
  }
  return try openSplit(name, openedFrom: file.path)
}

private func openSplit(
  _ name: GGUFSplitName, openedFrom path: String
) throws(CheckpointError) -> Checkpoint {
  var files: [MappedFile] = []
  var tensors: [TensorRecord] = []
  var metadata = Metadata()
  for number in 1...name.count {
    let file = try map(name.path(number: number))
    let header = try readGGUFHeader(file, fileIndex: files.count)
    try check(header.metadata, "split.no", is: number - 1, file: file.path)
    try check(header.metadata, "split.count", is: name.count, file: file.path)
    if number == 1 { metadata = header.metadata }
    guard tensors.count + header.tensors.count <= GGUF.mostTensors else {
      throw CheckpointError(
        file: file.path, offset: nil,
        reason: .implausible(
          .tensors, count: UInt64(tensors.count + header.tensors.count), limit: GGUF.mostTensors))
    }
    files.append(file)
    tensors += header.tensors
  }
  try check(metadata, "split.tensors.count", is: tensors.count, file: files[0].path)
  return try Checkpoint(
    format: .gguf, path: path, files: files, metadata: metadata, tensors: tensors)
}

private func check(
  _ metadata: Metadata, _ key: String, is expected: Int, file: String
) throws(CheckpointError) {
  guard metadata[key]?.asInt == expected else {
    throw CheckpointError(file: file, offset: nil, reason: .splitMismatch(key: key))
  }
}
