import ViseImages

extension ErrorText {
  /// Sentences about data.toml.
  static func declaration(_ fault: ImageDeclaration.Fault) -> String {
    switch fault {
    case .notTOML(let path, let line, let words):
      path + (line.map { ", line \($0): " } ?? ": ") + words
    case .unsupportedVersion(let path): "\(path): only version = 1 is known"
    case .unknownKey(let path, let key): "\(path): unknown key \"\(key)\""
    case .wrongType(let path, let key):
      "\(path): \"\(key)\" must be a list, of texts for data and of numbers for mean and std"
    case .badValue(let path, "channels"): "\(path): channels are \"rgb\", \"bgr\" or \"gray\""
    case .badValue(let path, let key): "\(path): \(key) takes 1 to 8192 pixels"
    case .wrongNormalization(let path):
      "\(path): mean and std need one number a channel each, and no std is 0"
    }
  }

  /// Sentences about image files and folders.
  static func image(_ error: ImageError) -> String {
    switch error {
    case .unreadable(let path, let code): "\(path) cannot be read: \(systemText(code))"
    case .unknownKind(let path): "\(path) is neither PNG nor JPEG"
    case .tooLarge(let path, let limit): "\(path) has more than \(limit) pixels"
    case .damaged(let path): "\(path) is cut short or damaged"
    case .outOfMemory(let path): "\(path): no memory for its pixels"
    case .noImages(let folder):
      "\(folder) has no subfolders with PNG or JPEG images, one for each class"
    case .tooMany(let count, let limit): "\(count) images take more than \(limit) bytes"
    case .differentSizes(let path):
      "\(path) has another size than the images before; set --resize and --crop"
    case .cropTooLarge(let path, let side): "\(path) is smaller than the \(side) pixels to cut out"
    }
  }
}
