import Glibc

/// Finds the models and texts that come with Vise.
enum SampleModels {
  /// The model `vise` opens when none is named, and its evaluation text.
  static let defaultModel = "story-lm/story-lm-f16.gguf"
  static let defaultText = "story-lm/eval.txt"

  /// The sample's path, or `nil` where the folder is not found.
  static func path(of sample: String) -> String? {
    folders.map { "\($0)/\(sample)" }.first { access($0, R_OK) == 0 }
  }

  /// The text at `named`, or the sample's where none is named.
  static func text(_ named: String?) throws(InputError) -> String {
    guard let text = named ?? path(of: defaultText) else { throw .noSampleText }
    return text
  }

  /// Paths of all samples: the default first, then a model from each other folder.
  static var all: [String] {
    guard let first = path(of: defaultModel) else { return [] }
    let root = String(first.dropLast(defaultModel.utf8.count + 1))
    let folders = names(in: root).filter { !defaultModel.hasPrefix("\($0)/") }
    let others = folders.flatMap { folder in
      names(in: "\(root)/\(folder)")
        .filter { $0.hasSuffix(".gguf") || $0.hasSuffix(".onnx") }
        .map { "\(root)/\(folder)/\($0)" }
    }
    return [first] + others
  }

  /// Names in a folder in their order; none where it cannot be read.
  private static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let item = readdir(stream) {
      let name = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// `$VISE_SAMPLES`, then `SampleModels` here and in each folder above the program.
  private static var folders: [String] {
    var result: [String] = []
    if let named = getenv("VISE_SAMPLES") { result.append(String(cString: named)) }
    result.append("SampleModels")
    var folder = programPath
    while let slash = folder.lastIndex(of: "/") {
      folder = String(folder[..<slash])
      result.append("\(folder)/SampleModels")
    }
    return result
  }

  private static var programPath: String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = buffer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? 0
    }
    return String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
  }
}
