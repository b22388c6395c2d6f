import Glibc

/// Opens a directory that holds one model: safetensors as model hubs lay it out, or GGUF.
func openDirectory(_ path: String) throws(CheckpointError) -> Checkpoint {
  let hasSafetensors = [ModelDirectory.index, ModelDirectory.single].contains {
    fileExists(path + "/" + $0)
  }
  let models = hasSafetensors ? [] : ggufModels(in: path)
  guard let model = models.first else { return try openSafetensorsDirectory(path) }
  guard models.count == 1 else {
    throw CheckpointError(file: path, offset: nil, reason: .severalModels(models))
  }
  return try Checkpoint.open(path + "/" + model)
}

/// The GGUF files of a directory by name; of a split set only the first.
private func ggufModels(in path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard name.hasSuffix(".gguf"), GGUFSplitName(path: name)?.number ?? 1 == 1 else { continue }
    names.append(name)
  }
  return names.sorted()
}
