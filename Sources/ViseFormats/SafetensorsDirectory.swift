import Glibc
import ViseTensor

/// A directory as model hubs lay it out: shards, their index, a configuration.
enum ModelDirectory {
  static let single = "model.safetensors"
  static let index = "model.safetensors.index.json"
  static let configuration = "config.json"
  static let tokenizer = "tokenizer.json"
  /// Above this a JSON file beside the weights is refused unread.
  static let largestJSON = 64 << 20
}

/// Opens one safetensors file, with the `config.json` beside it where there is one.
func openSafetensors(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
  let header = try readSafetensorsHeader(file)
  let metadata = try metadata(beside: directoryName(of: file.path), adding: header.metadata)
  return try Checkpoint(
    format: .safetensors, path: file.path, files: [file], metadata: metadata,
    tensors: header.tensors)
}

/// Opens a directory that holds `model.safetensors`, or an index and its shards.
func openSafetensorsDirectory(_ path: String) throws(CheckpointError) -> Checkpoint {
  let indexPath = path + "/" + ModelDirectory.index
  let singlePath = path + "/" + ModelDirectory.single
  let shards: [String: String]?
  let names: [String]
  if fileExists(indexPath) {
    let map = try readShardIndex(indexPath)
    shards = map
    names = Set(map.values).sorted()
  } else if fileExists(singlePath) {
    shards = nil
    names = [ModelDirectory.single]
  } else {
    throw CheckpointError(file: path, offset: nil, reason: .emptyDirectory)
  }
  var files: [MappedFile] = []
  var tensors: [TensorRecord] = []
  var own = Metadata()
  for name in names {
    let file = try map(path + "/" + name)
    let header = try readSafetensorsHeader(file, fileIndex: files.count)
    if let shards {
      for tensor in header.tensors where shards[tensor.name].map({ $0 != name }) ?? true {
        throw CheckpointError(
          file: file.path, offset: nil, reason: .splitMismatch(key: tensor.name))
      }
    }
    for entry in header.metadata.entries { own.append(entry) }
    files.append(file)
    tensors += header.tensors
  }
  if let shards, shards.count != tensors.count {
    let found = Set(tensors.map(\.name))
    let missing = shards.keys.sorted().first { !found.contains($0) } ?? ""
    throw CheckpointError(file: indexPath, offset: nil, reason: .missingTensor(missing))
  }
  return try Checkpoint(
    format: .safetensors, path: path, files: files,
    metadata: try metadata(beside: path, adding: own), tensors: tensors)
}

/// The keys of `config.json`, if there is one, then those of the files themselves.
private func metadata(
  beside directory: String, adding own: Metadata
) throws(CheckpointError) -> Metadata {
  let path = directory + "/" + ModelDirectory.configuration
  guard fileExists(path) else { return own }
  let document = try readJSON(path)
  guard case .object = document else {
    throw CheckpointError(file: path, offset: 0, reason: .unexpectedJSON(member: "config"))
  }
  var metadata = Metadata(flattening: document)
  for entry in own.entries { metadata.append(entry) }
  return metadata
}

/// Reads a small JSON file as a tree.
func readJSON(_ path: String) throws(CheckpointError) -> JSONValue {
  let file = try mapJSON(path)
  return try file.withBytes { (bytes) throws(CheckpointError) in
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      throw error.inFile(path)
    }
  }
}

/// Maps a JSON file after checking that it is not absurdly large.
func mapJSON(_ path: String) throws(CheckpointError) -> MappedFile {
  let file = try map(path)
  guard file.byteCount <= ModelDirectory.largestJSON else {
    throw CheckpointError(
      file: path, offset: nil,
      reason: .implausible(
        .jsonBytes, count: UInt64(file.byteCount), limit: ModelDirectory.largestJSON))
  }
  return file
}

/// Which shard holds each tensor.
private func readShardIndex(_ path: String) throws(CheckpointError) -> [String: String] {
  let file = try mapJSON(path)
  var shards: [String: String] = [:]
  var unsafeName: String?
  var found = false
  let result: JSONError? = file.withBytes { (bytes) -> JSONError? in
    var json = JSONReader(bytes)
    do throws(JSONError) {
      try json.readObject { (json, key) throws(JSONError) in
        guard key == "weight_map", !found else { return try json.skipValue() }
        found = true
        try json.readObject { (json, tensor) throws(JSONError) in
          let shard = try json.readString()
          if !isSafeShardName(shard) { unsafeName = unsafeName ?? shard }
          guard shards.updateValue(shard, forKey: tensor) == nil else {
            throw json.error(.duplicateKey(tensor))
          }
          guard shards.count <= Safetensors.mostTensors else { throw json.error(.tooLarge) }
        }
      }
      try json.finish()
      return nil
    } catch {
      return error
    }
  }
  if let result { throw result.inFile(path) }
  if let unsafeName {
    throw CheckpointError(file: path, offset: nil, reason: .unsafeShardName(unsafeName))
  }
  guard found, !shards.isEmpty else {
    throw CheckpointError(file: path, offset: nil, reason: .unexpectedJSON(member: "weight_map"))
  }
  return shards
}

/// A plain file name: it cannot lead out of the directory.
private func isSafeShardName(_ name: String) -> Bool {
  name.hasSuffix(".safetensors") && !name.hasPrefix(".")
    && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 0x20 }
}

func fileExists(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0
}

func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
