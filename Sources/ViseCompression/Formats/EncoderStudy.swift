public import ViseTensor

/// How well and how fast the encoders store given weights: the figures of `vise study encoders`.
public struct EncoderStudy: Hashable, Sendable {
  /// One format on one matrix.
  public struct Figure: Hashable, Sendable {
    public let format: NumberFormat
    /// Mean of (decoded − given)² over the weights.
    public let meanSquaredError: Double
    /// Weights encoded per second on one core; the fastest repetition.
    public let weightsPerSecond: Double
  }

  /// The formats tried.
  public let formats: [NumberFormat]
  /// How often each matrix is encoded to find the fastest time.
  public let repetitions: Int

  public init(
    formats: [NumberFormat] = NumberFormat.encodable.map { .ggml($0) }, repetitions: Int = 3
  ) {
    precondition(repetitions > 0)
    self.formats = formats
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
    for format in formats {
      guard let size = format.byteCount(rows: rows, columns: columns), size > 0 else { continue }
      figures.append(try figure(of: format, size: size, values, rows: rows, columns: columns))
    }
    return figures
  }

  private func figure(
    of format: NumberFormat, size: Int, _ values: UnsafeBufferPointer<Float>, rows: Int,
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
      try format.encode(values, rows: rows, columns: columns, into: bytes)
      best = min(best, start.duration(to: .now))
    }
    do {
      try format.decode(UnsafeRawBufferPointer(bytes), into: decoded)
    } catch {
      // What a format encodes it decodes; a failure here is a mistake in Vise.
      preconditionFailure("\(format.name) does not decode what it encoded: \(error)")
    }
    let squared = zip(values, decoded).reduce(0.0) { sum, pair in
      let error = Double(pair.0) - Double(pair.1)
      return sum + error * error
    }
    return Figure(
      format: format, meanSquaredError: squared / Double(values.count),
      weightsPerSecond: Double(values.count) / max(best / .seconds(1), 1e-9))
  }
}
