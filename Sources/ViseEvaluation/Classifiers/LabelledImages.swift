import ViseModels
public import ViseTensor

/// A reason labelled images cannot be used.
public enum ImageSetError: Error, Hashable, Sendable {
  /// Images that are no box of numbers, or labels that are no list of as many integers.
  case wrongShape(images: [Int], labels: [Int])
  case unsupportedType(ElementType)
  /// Means or deviations for another number of channels, or a deviation of 0.
  case wrongChannels(expected: Int, found: Int)
  /// A label outside the model's classes.
  case labelOutOfRange(Int, classes: Int)
  case empty
}

/// Images with the class of each, made into what a model expects.
///
/// Bytes are divided by 255; then (x − mean) / deviation by channel. Images whose last dimension is
/// the channels are turned to channels × height × width.
public struct LabelledImages: Sendable {
  /// What is done to the numbers of each channel.
  public struct Normalization: Hashable, Sendable {
    public let mean: [Float]
    public let deviation: [Float]

    public init(mean: [Float], deviation: [Float]) {
      self.mean = mean
      self.deviation = deviation
    }
  }

  public let labels: [Int]
  private let images: Tensor
  /// Where each image is in `images`; `nil` where they are in its order.
  private let order: [Int]?
  private let channels: Int
  private let isChannelsLast: Bool
  private let normalization: Normalization?

  /// - Parameters:
  ///   - channels: those the model declares; `nil` takes the images as they are.
  public init(
    images: Tensor, labels: Tensor, channels: Int?, normalization: Normalization? = nil
  ) throws(ImageSetError) {
    guard let count = images.shape.first, labels.shape == [count], images.rank >= 2 else {
      throw .wrongShape(images: images.shape, labels: labels.shape)
    }
    guard count > 0, images.count > 0 else { throw .empty }
    guard images.type == .uint8 || images.type == .float32 else {
      throw .unsupportedType(images.type)
    }
    switch labels.type {
    case .int64: self.labels = labels.values(Int64.self).map { Int($0) }
    case .int32: self.labels = labels.values(Int32.self).map { Int($0) }
    case .uint8: self.labels = labels.values(UInt8.self).map { Int($0) }
    default: throw .unsupportedType(labels.type)
    }
    self.images = images
    order = nil
    isChannelsLast =
      images.rank == 4 && channels != nil && images.shape[1] != channels
      && images.shape[3] == channels
    self.channels = isChannelsLast ? images.shape[3] : images.shape[1]
    if let normalization {
      guard normalization.mean.count == self.channels,
        normalization.deviation.count == self.channels,
        normalization.deviation.allSatisfy({ $0 != 0 })
      else {
        throw .wrongChannels(expected: self.channels, found: normalization.mean.count)
      }
    }
    self.normalization = normalization
  }

  public var count: Int { labels.count }

  /// The first `count` images alone.
  public func prefix(_ count: Int) -> LabelledImages {
    let count = min(max(count, 1), labels.count)
    return LabelledImages(
      self, picks: 0..<count,
      images: order == nil
        ? Tensor(images.type, [count] + images.shape.dropFirst(), storage: images.storage) : images,
      order: order.map { Array($0.prefix(count)) })
  }

  /// The same images in an order that `seed` draws: files often have them class by class.
  public func shuffled(seed: UInt64 = 1) -> LabelledImages {
    var random = RandomSource(seed: seed)
    let picks = labels.indices.shuffled(using: &random)
    return LabelledImages(
      self, picks: picks, images: images, order: picks.map { order?[$0] ?? $0 })
  }

  /// Those of `all` whose numbers are `picks`.
  private init(
    _ all: LabelledImages, picks: some Sequence<Int>, images: Tensor, order: [Int]?
  ) {
    labels = picks.map { all.labels[$0] }
    self.images = images
    self.order = order
    channels = all.channels
    isChannelsLast = all.isChannelsLast
    normalization = all.normalization
  }

  /// A hash of the numbers and of what is done to them, whatever their order.
  package var identity: String {
    var hash = WordHash()
    withExtendedLifetime(images.storage) {
      hash.combine(
        UnsafeRawBufferPointer(start: images.storage.pointer, count: images.byteCount))
    }
    let change = normalization.map { "\($0.mean) \($0.deviation)" } ?? ""
    hash.combine("\(images.shape) \(images.type.name) \(channels) \(change)")
    return hash.hexadecimal
  }

  /// A hash of the numbers in their order.
  package var evaluationIdentity: String {
    guard let order else { return identity }
    var hash = WordHash()
    order.withUnsafeBytes { hash.combine($0) }
    return "\(identity) \(hash.hexadecimal)"
  }

  /// The images `range` as a batch: range × channels × height × width.
  public func batch(_ range: Range<Int>) -> Tensor { batch(of: range) }

  /// The images `indices` as a batch, in their order.
  public func batch(of indices: some Collection<Int>) -> Tensor {
    let size = images.count / images.shape[0]
    let pixels = size / channels
    let shape =
      isChannelsLast
      ? [channels, images.shape[1], images.shape[2]] : Array(images.shape.dropFirst())
    let result = Tensor(.float32, [indices.count] + shape)
    for (place, number) in indices.enumerated() {
      let index = order?[number] ?? number
      for channel in 0..<channels {
        let target = result.pointer(Float.self) + place * size + channel * pixels
        let (mean, deviation) = (
          normalization?.mean[channel] ?? 0, normalization?.deviation[channel] ?? 1
        )
        for pixel in 0..<pixels {
          let source =
            index * size + (isChannelsLast ? pixel * channels + channel : channel * pixels + pixel)
          target[pixel] = (value(source) - mean) / deviation
        }
      }
    }
    return result
  }

  @inline(__always)
  private func value(_ index: Int) -> Float {
    images.type == .uint8
      ? Float(images.pointer(UInt8.self)[index]) / 255 : images.pointer(Float.self)[index]
  }
}
