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
