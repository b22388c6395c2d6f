public import ViseTensor

/// Random mirroring and shifting of images, so that few images teach more.
///
/// What an image gets depends on the seed, the epoch and its number alone. Pixels shifted in repeat
/// the edge. Inputs that are no images N × C × H × W stay as they are.
public struct ImageAugmentation: Hashable, Sendable {
  /// Whether every other image is mirrored from left to right.
  public var mirrors: Bool
  /// The most pixels an image is moved by along each side.
  public var shift: Int

  public init(mirrors: Bool = false, shift: Int = 0) {
    self.mirrors = mirrors
    self.shift = shift
  }

  /// `images`, each changed by chance.
  public func applied(to images: Tensor, indices: [Int], epoch: Int, seed: UInt64) -> Tensor {
    guard images.rank == 4, images.type == .float32, mirrors || shift > 0 else { return images }
    let (channels, height, width) = (images.shape[1], images.shape[2], images.shape[3])
    let result = Tensor(.float32, images.shape)
    for (place, index) in indices.enumerated() {
      var random = RandomSource(
        seed: seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(index) &* 0xD1B5_4A32)
      _ = random.next()
      let isMirrored = mirrors && random.next() & 1 == 1
      let (down, right) = (Self.offset(shift, &random), Self.offset(shift, &random))
      for channel in 0..<channels {
        let start = (place * channels + channel) * height * width
        for y in 0..<height {
          let row = start + min(max(y + down, 0), height - 1) * width
          for x in 0..<width {
            let column = min(max(x + right, 0), width - 1)
            result.pointer(Float.self)[start + y * width + x] =
              images.pointer(Float.self)[row + (isMirrored ? width - 1 - column : column)]
          }
        }
      }
    }
    return withExtendedLifetime(images.storage) { result }
  }

  /// A whole number from −`most` to `most`.
  private static func offset(_ most: Int, _ random: inout RandomSource) -> Int {
    most == 0 ? 0 : Int(random.next() % UInt64(2 * most + 1)) - most
  }
}
