/// What is done to each image before its numbers are normalized.
public struct ImagePreparation: Hashable, Sendable {
  /// The bytes of a pixel.
  public enum Channels: String, CaseIterable, Hashable, Sendable {
    case rgb, bgr
    /// ITU-R 601: 0.299 red + 0.587 green + 0.114 blue.
    case gray

    public var count: Int { self == .gray ? 1 : 3 }
  }

  /// The length the shorter side is scaled to; `nil` leaves images as they are.
  public let resize: Int?
  /// The side of the square cut from the middle; `nil` takes the whole image.
  public let crop: Int?
  public let channels: Channels

  public init(resize: Int? = nil, crop: Int? = nil, channels: Channels = .rgb) {
    precondition(resize ?? 1 > 0 && crop ?? 1 > 0)
    self.resize = resize
    self.crop = crop
    self.channels = channels
  }

  /// Height × width × channels bytes.
  public struct Prepared: Hashable, Sendable {
    public let width: Int
    public let height: Int
    public let bytes: [UInt8]
  }

  /// Scales, cuts out the middle, and orders the channels.
  ///
  /// - Parameter path: what errors name.
  public func prepare(_ image: DecodedImage, path: String) throws(ImageError) -> Prepared {
    var image = image
    if let resize {
      let short = min(image.width, image.height)
      // As torchvision's Resize: the longer side is rounded down.
      let (width, height) = (image.width * resize / short, image.height * resize / short)
      guard width <= DecodedImage.pixelLimit / max(height, 1) else {
        throw .tooLarge(path: path, pixelLimit: DecodedImage.pixelLimit)
      }
      image = BilinearScaling.scale(image, width: width, height: height)
    }
    let (width, height) = (crop ?? image.width, crop ?? image.height)
    guard width <= image.width, height <= image.height else {
      throw .cropTooLarge(path: path, side: width)
    }
    // As torchvision's CenterCrop: halves go to the even side.
    let left = Int((Double(image.width - width) / 2).rounded(.toNearestOrEven))
    let top = Int((Double(image.height - height) / 2).rounded(.toNearestOrEven))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * height * channels.count)
    for row in top..<top + height {
      for column in left..<left + width {
        append(image.pixels, at: (row * image.width + column) * 3, to: &bytes)
      }
    }
    return Prepared(width: width, height: height, bytes: bytes)
  }

  private func append(_ pixels: [UInt8], at place: Int, to bytes: inout [UInt8]) {
    let (red, green, blue) = (pixels[place], pixels[place + 1], pixels[place + 2])
    switch channels {
    case .rgb: bytes.append(contentsOf: [red, green, blue])
    case .bgr: bytes.append(contentsOf: [blue, green, red])
    case .gray:
      // Pillow's fixed-point weights, so that its users get its numbers.
      let sum = Int(red) * 19595 + Int(green) * 38470 + Int(blue) * 7471 + 0x8000
      bytes.append(UInt8(sum >> 16))
    }
  }
}

/// Scaling by a triangle of weights that is as wide as a target pixel, as Pillow's BILINEAR does.
enum BilinearScaling {
  static func scale(_ image: DecodedImage, width: Int, height: Int) -> DecodedImage {
    guard (width, height) != (image.width, image.height) else { return image }
    let (rows, columns) = (image.height, image.width)
    let across = weights(from: columns, to: width)
    var wide = [UInt8](repeating: 0, count: rows * width * 3)
    for row in 0..<rows {
      for (column, span) in across.enumerated() {
        for channel in 0..<3 {
          var sum: Float = 0
          for (offset, weight) in span.weights.enumerated() {
            let place = (row * columns + span.first + offset) * 3 + channel
            sum += weight * Float(image.pixels[place])
          }
          wide[(row * width + column) * 3 + channel] = byte(sum)
        }
      }
    }
    var result = [UInt8](repeating: 0, count: height * width * 3)
    for (row, span) in weights(from: rows, to: height).enumerated() {
      for place in 0..<width * 3 {
        var sum: Float = 0
        for (offset, weight) in span.weights.enumerated() {
          sum += weight * Float(wide[(span.first + offset) * width * 3 + place])
        }
        result[row * width * 3 + place] = byte(sum)
      }
    }
    return DecodedImage(width: width, height: height, pixels: result)
  }

  private static func byte(_ value: Float) -> UInt8 { UInt8(min(max(value + 0.5, 0), 255)) }

  /// For each target position, the first source position and the weights from there on.
  private static func weights(
    from source: Int, to target: Int
  ) -> [(first: Int, weights: [Float])] {
    let scale = Double(source) / Double(target)
    let support = max(scale, 1)
    return (0..<target).map { index in
      let center = (Double(index) + 0.5) * scale
      let first = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), source)
      let raw = (first..<end).map { max(1 - abs((Double($0) + 0.5 - center) / support), 0) }
      let sum = raw.reduce(0, +)
      return (first, raw.map { Float($0 / sum) })
    }
  }
}
