public import ViseTensor

/// How well and how fast the encoders store given weights: the figures of `vise study encoders`.
public struct EncoderStudy: Hashable, Sendable {
  /// One format on one matrix.
  public struct Figure: Hashable, Sendable {
    public let type: StorageType
    /// Σ importance · (decoded − given)² / Σ importance over the weights.
    public let meanSquaredError: Double
    /// Weights encoded per second of processor time; the fastest repetition.
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

  /// Importance that falls like 1 / k over the columns, mixed: a few columns matter most.
  ///
  /// Column c has 1 / (1 + (7919 c mod `columns`) / 16), so that a peer can compute the same.
  public static func unevenImportance(columns: Int) -> [Float] {
    (0..<columns).map { 1 / (1 + Float($0 * 7919 % columns) / 16) }
  }

  /// Encodes `values`, `rows` × `columns` numbers, in every format that fits their rows.
  ///
  /// `importance` has one number a column; without it all count the same.
  /// Runs on the calling thread and allocates the encoded and the decoded weight.
  public func figures(
    of values: UnsafeBufferPointer<Float>, rows: Int, columns: Int, importance: [Float]? = nil
  ) throws(EncodingError) -> [Figure] {
    var figures: [Figure] = []
    for type in types where columns % type.blockLength == 0 {
      guard let size = type.byteCount(elements: rows * columns), size > 0 else { continue }
      figures.append(try figure(of: type, size: size, values, rows: rows, importance))
    }
    return figures
  }

  private func figure(
    of type: StorageType, size: Int, _ values: UnsafeBufferPointer<Float>, rows: Int,
    _ importance: [Float]?
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
      let start = ProcessorTime.ofThread
      try Self.encode(values, rows: rows, as: type, into: bytes, importance)
      best = min(best, ProcessorTime.ofThread - start)
    }
    do {
      try type.decode(UnsafeRawBufferPointer(bytes), into: decoded)
    } catch {
      // What a format encodes it decodes; a failure here is a mistake in Vise.
      preconditionFailure("\(type.name) does not decode what it encoded: \(error)")
    }
    return Figure(
      type: type, meanSquaredError: Self.meanSquaredError(values, decoded, importance ?? [1]),
      weightsPerSecond: Double(values.count) / max(best / .seconds(1), 1e-9))
  }

  private static func encode(
    _ values: UnsafeBufferPointer<Float>, rows: Int, as type: StorageType,
    into bytes: UnsafeMutableRawBufferPointer, _ importance: [Float]?
  ) throws(EncodingError) {
    let columns = values.count / rows
    guard let importance else {
      return try type.encode(values, rows: rows, columns: columns, into: bytes)
    }
    try importance.withUnsafeBufferPointer { (importance) throws(EncodingError) in
      try type.encode(values, rows: rows, columns: columns, into: bytes, importance: importance)
    }
  }

  /// `importance` is repeated over the values.
  private static func meanSquaredError(
    _ values: UnsafeBufferPointer<Float>, _ decoded: UnsafeMutableBufferPointer<Float>,
    _ importance: [Float]
  ) -> Double {
    var (squared, total) = (0.0, 0.0)
    for index in values.indices {
      let weight = Double(importance[index % importance.count])
      let error = Double(values[index]) - Double(decoded[index])
      squared += weight * error * error
      total += weight
    }
    return squared / total
  }
}
