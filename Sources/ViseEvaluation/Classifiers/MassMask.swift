import ViseTensor

/// Which channels of a value fire for each image, and the value without the others.
///
/// The mask of "Fire Together Wire Together" (Elkerdawy et al., CVPR 2022, section 3): a channel's mass
/// is the largest magnitude in its plane; the fewest channels, the heaviest first, are kept whose mass
/// reaches a share r of the whole. The authors' code leaves out the channel that crosses r; here it
/// stays, so that one remains at least.
struct MassMask: Sendable {
  /// The value with the other channels zero.
  let masked: Tensor
  /// By image, how many channels are kept of `channels`.
  let kept: [Int]
  let channels: Int

  /// - Parameters:
  ///   - value: 32-bit floats, images × channels × ….
  ///   - share: r, above 0 and at most 1; 1 keeps all that are not zero.
  init(_ value: Tensor, share: Double) {
    precondition(value.type == .float32 && value.rank >= 2 && share > 0 && share <= 1)
    let (images, channels) = (value.shape[0], value.shape[1])
    let size = value.shape.dropFirst(2).reduce(1, *)
    let masked = Tensor(value.shape, value.values(Float.self))
    var kept: [Int] = []
    withExtendedLifetime(masked.storage) {
      for image in 0..<images {
        let planes = masked.pointer(Float.self) + image * channels * size
        let masses = (0..<channels).map { channel in
          Double(Self.reach(planes + channel * size, size))
        }
        let firing = Self.firing(masses, share: share)
        kept.append(firing.count)
        for channel in Set(0..<channels).subtracting(firing) {
          (planes + channel * size).update(repeating: 0, count: size)
        }
      }
    }
    self.masked = masked
    self.kept = kept
    self.channels = channels
  }

  /// The largest magnitude.
  private static func reach(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
    var largest: Float = 0
    for index in 0..<count where abs(values[index]) > largest { largest = abs(values[index]) }
    return largest
  }

  /// The fewest of `masses`, the largest first, that reach `share` of their sum, by place.
  static func firing(_ masses: [Double], share: Double) -> [Int] {
    let order = masses.indices.sorted { (masses[$0], $1) > (masses[$1], $0) }
    // Summed in one order, the whole is reached exactly.
    let total = order.reduce(0) { $0 + masses[$1] }
    var sum = 0.0
    var firing: [Int] = []
    for channel in order where sum < share * total {
      sum += masses[channel]
      firing.append(channel)
    }
    return firing
  }
}
