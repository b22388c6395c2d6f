import Glibc
import TOMLKit
import ViseEvaluation
import ViseImages
import ViseModels
import ViseTOML

/// What `data.toml` beside a model declares: where labelled images are, and what is done to them.
///
/// ```toml
/// version = 1
/// evaluation = ["/usr/share/datasets/mnist/t10k-images-idx3-ubyte.gz", "eval.npz"]
/// calibration = ["calib.npz"]
/// mean = [0.1307]
/// std = [0.3081]
/// resize = 256        # folders of images: the shorter side
/// crop = 224          # the middle
/// channels = "rgb"    # or "bgr", "gray"
/// ```
///
/// Of each list the first that exists is used; names are relative to the file. A folder has a subfolder
/// of PNG or JPEG images for each class, whose labels follow the order of their names.
struct ImageDeclaration: Hashable, Sendable {
  /// What images are for.
  enum Use: String, CaseIterable {
    case evaluation, calibration
  }

  /// Paths by their use.
  private let paths: [Use: [String]]
  let normalization: LabelledImages.Normalization?
  /// What is done to the images of a folder before.
  let preparation: ImagePreparation?

  /// A fault in a declaration.
  enum Fault: Error, Hashable, Sendable {
    case notTOML(path: String, line: Int?, words: String)
    case unsupportedVersion(path: String)
    case unknownKey(path: String, String)
    /// A setting is no list of what it should be.
    case wrongType(path: String, key: String)
    /// A size is no positive number, or channels are none that is known.
    case badValue(path: String, key: String)
    /// Means and deviations are not one number each a channel, or a deviation is 0.
    case wrongNormalization(path: String)
  }

  static let fileName = "data.toml"
  private static let keys: Set<String> = [
    "version", "evaluation", "calibration", "mean", "std", "resize", "crop", "channels",
  ]

  /// The declaration in the folder of the model at `path`; `nil` where there is none.
  ///
  /// - Throws: `Fault`.
  static func beside(model path: String) throws -> ImageDeclaration? {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let file = folder + fileName
    guard access(file, F_OK) == 0 else { return nil }
    return try ImageDeclaration(text: try PlanLoader.text(file), path: file)
  }

  /// - Parameter path: of the file `text` is of, which errors name.
  init(text: String, path: String) throws {
    let table: TOMLTable
    do {
      table = try SafeTOML.parse(text)
    } catch {
      throw Fault.notTOML(path: path, line: error.line, words: error.words)
    }
    guard table["version"]?.int == 1 else { throw Fault.unsupportedVersion(path: path) }
    if let unknown = table.keys.sorted().first(where: { !Self.keys.contains($0) }) {
      throw Fault.unknownKey(path: path, unknown)
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    func numbers(_ key: String) throws -> [Float] {
      try Self.list(table, key, path) { $0.double ?? $0.int.map(Double.init) }.map { Float($0) }
    }
    paths = try Dictionary(
      uniqueKeysWithValues: Use.allCases.map { use in
        let found = try Self.list(table, use.rawValue, path) { $0.string }
        return (use, found.map { $0.hasPrefix("/") ? $0 : folder + $0 })
      })
    let (mean, deviation) = (try numbers("mean"), try numbers("std"))
    guard mean.count == deviation.count, deviation.allSatisfy({ $0.isFinite && $0 != 0 }),
      mean.allSatisfy(\.isFinite)
    else { throw Fault.wrongNormalization(path: path) }
    preparation = try Self.preparation(table, path)
    normalization =
      mean.isEmpty ? nil : LabelledImages.Normalization(mean: mean, deviation: deviation)
  }

  private static func preparation(_ table: TOMLTable, _ path: String) throws -> ImagePreparation? {
    func size(_ key: String) throws -> Int? {
      guard let value = table[key] else { return nil }
      guard let number = value.int, (1...8192).contains(number) else {
        throw Fault.badValue(path: path, key: key)
      }
      return number
    }
    let (resize, crop) = (try size("resize"), try size("crop"))
    guard let value = table["channels"] else {
      return resize == nil && crop == nil ? nil : ImagePreparation(resize: resize, crop: crop)
    }
    guard let channels = value.string.flatMap(ImagePreparation.Channels.init(rawValue:)) else {
      throw Fault.badValue(path: path, key: "channels")
    }
    return ImagePreparation(resize: resize, crop: crop, channels: channels)
  }

  /// The first of the paths for `use` that can be read.
  func path(for use: Use) -> String? { paths[use]?.first { access($0, R_OK) == 0 } }

  /// The values under `key`, none where it is missing.
  private static func list<Value>(
    _ table: TOMLTable, _ key: String, _ path: String,
    _ value: (any TOMLValueConvertible) -> Value?
  ) throws -> [Value] {
    guard let found = table[key] else { return [] }
    guard let array = found.array else { throw Fault.wrongType(path: path, key: key) }
    return try array.map { item in
      guard let value = value(item) else { throw Fault.wrongType(path: path, key: key) }
      return value
    }
  }
}
