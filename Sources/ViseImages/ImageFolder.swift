import Glibc

/// Images below a folder whose subfolders are classes.
public struct ImageFolder: Hashable, Sendable {
  /// Names of the classes, sorted: a label is a position here.
  public let classes: [String]
  /// Paths with the label of each, by class and name.
  public let files: [(path: String, label: Int)]

  /// Files that are looked at: no data set measured here has more.
  private static let fileLimit = 1_000_000
  private static let endings = [".png", ".jpg", ".jpeg"]

  public static func == (left: ImageFolder, right: ImageFolder) -> Bool {
    left.classes == right.classes && left.files.map(\.path) == right.files.map(\.path)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(files.map(\.path)) }

  /// Lists the images of the folder at `path`; nothing is decoded.
  public init(path: String) throws(ImageError) {
    var (classes, files): ([String], [(path: String, label: Int)]) = ([], [])
    for name in try Self.names(in: path).sorted() where Self.isFolder("\(path)/\(name)") {
      let folder = "\(path)/\(name)"
      let images = try Self.names(in: folder).sorted().filter { file in
        let lower = file.lowercased()
        return Self.endings.contains { lower.hasSuffix($0) }
      }
      guard files.count + images.count <= Self.fileLimit else {
        throw .tooMany(count: files.count + images.count, byteLimit: Self.fileLimit)
      }
      files += images.map { ("\(folder)/\($0)", classes.count) }
      classes.append(name)
    }
    guard !files.isEmpty else { throw .noImages(folder: path) }
    self.classes = classes
    self.files = files
  }

  /// Whether there is a folder at `path`.
  public static func isFolder(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  /// All images prepared, images × height × width × channels, with their labels.
  ///
  /// - Parameters:
  ///   - limit: at most this many, evenly spaced so that all classes have their share.
  ///   - byteLimit: bytes that all of them together may take.
  public func load(
    _ preparation: ImagePreparation, limit: Int? = nil, byteLimit: Int
  ) throws(ImageError) -> LoadedImages {
    let count = min(limit ?? files.count, files.count)
    var (bytes, labels): ([UInt8], [Int64]) = ([], [])
    var size: (width: Int, height: Int)?
    for place in 0..<count {
      let (path, label) = files[place * files.count / count]
      let image = try preparation.prepare(
        DecodedImage(bytes: try Self.contents(of: path), path: path), path: path)
      if let size {
        guard size == (image.width, image.height) else { throw .differentSizes(path: path) }
      } else {
        size = (image.width, image.height)
        guard image.bytes.count <= byteLimit / count else {
          throw .tooMany(count: count, byteLimit: byteLimit)
        }
        bytes.reserveCapacity(image.bytes.count * count)
      }
      bytes += image.bytes
      labels.append(Int64(label))
    }
    return LoadedImages(
      shape: [count, size?.height ?? 0, size?.width ?? 0, preparation.channels.count],
      bytes: bytes, labels: labels)
  }

  /// Bytes a file of an image may have.
  private static let byteLimit = 1 << 28

  private static func contents(of path: String) throws(ImageError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .unreadable(path: path, code: errno) }
    defer { close(file) }
    var information = stat()
    guard fstat(file, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, code: EINVAL)
    }
    let count = Int(information.st_size)
    guard count <= byteLimit else {
      throw .tooLarge(path: path, pixelLimit: DecodedImage.pixelLimit)
    }
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        read(file, buffer.baseAddress.map { $0 + done }, count - done)
      }
      guard got > 0 else { break }
      done += got
    }
    return Array(bytes.prefix(done))
  }

  private static func names(in folder: String) throws(ImageError) -> [String] {
    guard let stream = opendir(folder) else { throw .unreadable(path: folder, code: errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let item = readdir(stream), names.count <= fileLimit {
      let name = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}

/// Prepared images with the class of each.
public struct LoadedImages: Hashable, Sendable {
  /// Images × height × width × channels.
  public let shape: [Int]
  public let bytes: [UInt8]
  public let labels: [Int64]
}
