public import ViseTensor

/// How well and how fast the encoders store given weights: the figures of `vise study encoders`.
public struct EncoderStudy: Hashable, Sendable {
  /// One format on one matrix.
  public struct Figure: Hashable, Sendable {
    public let type: StorageType
    /// Mean of (decoded − given)² over the weights.
    public let meanSquaredError: Double
    /// Weights encoded per second on one core; the fastest repetition.
    public let weightsPerSecond: Double
  }

  /// The types tried.
  public let types: [StorageType]
  /// How often each matrix is encoded to find the fastest time.
  public let repetitions: Int

  public init(
    types: [StorageType] = NumberFormat.encodable, repetitions: Int = 3
  ) {
    precondition(repetitions > 0)
    self.types = types
    self.repetitions = repetitions
  }

  /// How many of a weight's first rows a study of a whole model takes: about 262,144 weights.
  public static func sampledRowCount(rows: Int, columns: Int) -> Int {
    precondition(columns > 0)
    return min(rows, max(1, 262_144 / columns))
  }

  /// Encodes `values`, `rows` × `columns` numbers, in every format that fits their rows.
  ///
  /// Runs on the calling thread and allocates the encoded and the decoded weight.
  public func figures(
    of values: UnsafeBufferPointer<Float>, rows: Int, columns: Int
  ) throws(EncodingError) -> [Figure] {
    var figures: [Figure] = []
    for type in types where columns % type.blockLength == 0 {
      guard let size = type.byteCount(elements: rows * columns), size > 0 else { continue }
      figures.append(try figure(of: type, size: size, values, rows: rows, columns: columns))
    }
    return figures
  }

  private func figure(
    of type: StorageType, size: Int, _ values: UnsafeBufferPointer<Float>, rows: Int,
    columns: Int
  ) throws(EncodingError) -> Figure {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    let decoded = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
    defer {
      bytes.deallocate()
      decoded.deallocate()
    }
    decoded.initialize(repeating: 0)
    var best = Duration.seconds(Int64.max)
    for _ in 0..<repetitions {
      let start = ContinuousClock.now
      try type.encode(values, rows: rows, columns: columns, into: bytes)
      best = min(best, start.duration(to: .now))
    }
    do {
      try type.decode(UnsafeRawBufferPointer(bytes), into: decoded)
    } catch {
      // What a format encodes it decodes; a failure here is a mistake in Vise.
      preconditionFailure("\(type.name) does not decode what it encoded: \(error)")
    }
    let squared = zip(values, decoded).reduce(0.0) { sum, pair in
      let error = Double(pair.0) - Double(pair.1)
      return sum + error * error
    }
    return Figure(
      type: type, meanSquaredError: squared / Double(values.count),
      weightsPerSecond: Double(values.count) / max(best / .seconds(1), 1e-9))
  }
}
