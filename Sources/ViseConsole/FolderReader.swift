import Glibc
import ViseWorkbench

/// Finds what can be opened: recent models by their journals, samples, and a folder's content.
struct FolderReader {
  /// Entries of a folder that are looked at; no list of more is of use.
  static let entryLimit = 5000
  private static let recentLimit = 8

  let stateFolder: String
  /// Models that come with Vise.
  let samples: [String]

  func listing(of folder: String) -> ModelListing {
    let start = recent() + samples.map { entry($0, kind: .sample, name: Self.name(of: $0)) }
    guard let (names, isWhole) = Self.names(in: folder) else {
      return ModelListing(
        folder: folder, entries: start, problem: "\(folder): \(System.lastError)")
    }
    let found = names.sorted().compactMap { entry($0, in: folder) }
    let folders = found.filter { $0.kind == .folder }
    let models = found.filter { $0.kind != .folder }
    return ModelListing(
      folder: folder, entries: start + models + folders,
      problem: isWhole ? nil : "\(folder): only the first \(Self.entryLimit) names were read")
  }

  /// Models edited before, the latest first.
  private func recent() -> [ModelEntry] {
    let files = (Self.names(in: stateFolder)?.names ?? []).filter { $0.hasSuffix(".journal") }
    let journals = files.compactMap { file -> (path: String, seconds: Int)? in
      let path = "\(stateFolder)/\(file)"
      guard let bytes = System.contents(of: path, limit: 1 << 16),
        let journal = Journal(bytes: bytes), !journal.path.isEmpty
      else { return nil }
      return (journal.path, System.information(path).map { Int($0.st_mtim.tv_sec) } ?? 0)
    }
    var seen: Set<String> = []
    return journals.sorted { ($0.seconds, $0.path) > ($1.seconds, $1.path) }
      .filter { seen.insert($0.path).inserted }.prefix(Self.recentLimit)
      .map { path, seconds in
        entry(
          path, kind: .recent, name: Self.name(of: path),
          detail: "edited \(System.clock(seconds))")
      }
  }

  private func entry(_ name: String, in folder: String) -> ModelEntry? {
    let path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
    guard !name.hasPrefix("."), let information = System.information(path) else { return nil }
    guard System.isFolder(information) else {
      let isModel = [".gguf", ".safetensors", ".onnx"].contains { name.lowercased().hasSuffix($0) }
      return isModel ? entry(path, kind: .model, name: name) : nil
    }
    let marks = ["model.safetensors", "model.safetensors.index.json"]
    return marks.contains { access("\(path)/\($0)", F_OK) == 0 }
      ? ModelEntry(kind: .model, path: path, name: name, detail: "safetensors folder")
      : ModelEntry(kind: .folder, path: path, name: name)
  }

  private func entry(
    _ path: String, kind: ModelEntry.Kind, name: String, detail: String = ""
  ) -> ModelEntry {
    guard let information = System.information(path) else {
      return ModelEntry(
        kind: kind, path: path, name: name, detail: detail, problem: System.lastError)
    }
    if System.isFolder(information) {
      return ModelEntry(kind: kind, path: path, name: name, detail: detail)
    }
    let (format, problem) = Self.format(of: path, byteCount: Int(information.st_size))
    let described = format == "ONNX" ? "\(format), \(Self.data(beside: path))" : format
    return ModelEntry(
      kind: kind, path: path, name: name, byteCount: Int(information.st_size),
      detail: detail.isEmpty ? described : "\(detail)\(format == "ONNX" ? ", ONNX" : "")",
      problem: problem)
  }

  /// What a graph can be measured on: the images that `data.toml` beside it names.
  private static func data(beside path: String) -> String {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return access("\(folder)/data.toml", R_OK) == 0 ? "images by data.toml" : "no images beside it"
  }

  /// What a file begins with, and why it cannot be opened here.
  private static func format(of path: String, byteCount: Int) -> (name: String, problem: String?) {
    guard let head = System.contents(of: path, limit: 9) else { return ("", System.lastError) }
    if path.lowercased().hasSuffix(".onnx") {
      return ("ONNX", head.isEmpty ? "an empty file" : nil)
    }
    if head.starts(with: "GGUF".utf8) { return ("GGUF", nil) }
    if head.count == 9, head[8] == UInt8(ascii: "{") {
      let length = head.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return length < UInt64(byteCount)
        ? ("safetensors", nil) : ("", "cut short: its header is longer than the file")
    }
    return ("", byteCount == 0 ? "an empty file" : "neither GGUF nor safetensors inside")
  }

  /// The last two parts of a path, which tell models of one name apart.
  private static func name(of path: String) -> String {
    path.split(separator: "/").suffix(2).joined(separator: "/")
  }

  /// Names in a folder, and whether these are all; `nil` where it cannot be read.
  private static func names(in folder: String) -> (names: [String], isWhole: Bool)? {
    guard let stream = opendir(folder) else { return nil }
    defer { closedir(stream) }
    var names: [String] = []
    while let item = readdir(stream) {
      if names.count == entryLimit { return (names, false) }
      let name = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return (names, true)
  }
}
