import CImages

/// A reason an image, or a folder of them, cannot be used.
public enum ImageError: Error, Hashable, Sendable {
  /// The system's number of what went wrong.
  case unreadable(path: String, code: Int32)
  /// Neither PNG nor JPEG.
  case unknownKind(path: String)
  case tooLarge(path: String, pixelLimit: Int)
  /// Cut short, or not what its format says.
  case damaged(path: String)
  case outOfMemory(path: String)
  /// No folder below it holds an image.
  case noImages(folder: String)
  /// All images together, prepared, would take more than this.
  case tooMany(count: Int, byteLimit: Int)
  /// Images of different sizes, which nothing makes equal.
  case differentSizes(path: String)
  /// The part to be cut out is larger than the image.
  case cropTooLarge(path: String, side: Int)
}

/// Pixels of three bytes, row after row.
public struct DecodedImage: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// Height × width × 3: red, green, blue.
  public let pixels: [UInt8]

  /// - Parameter pixels: width × height × 3 bytes.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0 && pixels.count == width * height * 3)
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The most pixels an image may have: those of a camera, not those of a bomb.
  public static let pixelLimit = 1 << 26

  /// Decodes a PNG or JPEG file's bytes.
  ///
  /// Transparency is left out, grey becomes three equal bytes. Memory is taken only once the size in
  /// the header is known to be within `pixelLimit`.
  ///
  /// - Parameter path: what errors name.
  public init(
    bytes: [UInt8], path: String, pixelLimit: Int = DecodedImage.pixelLimit
  ) throws(ImageError) {
    var image = ci_image()
    let status = bytes.withUnsafeBufferPointer {
      ci_decode($0.baseAddress, $0.count, Int64(pixelLimit), &image)
    }
    defer { ci_free(&image) }
    switch Int(status) {
    case CI_OK: break
    case CI_UNKNOWN: throw .unknownKind(path: path)
    case CI_TOO_LARGE: throw .tooLarge(path: path, pixelLimit: pixelLimit)
    case CI_NO_MEMORY: throw .outOfMemory(path: path)
    default: throw .damaged(path: path)
    }
    self.init(
      width: Int(image.width), height: Int(image.height),
      pixels: Array(
        UnsafeBufferPointer(start: image.pixels, count: Int(image.width) * Int(image.height) * 3)))
  }
}
