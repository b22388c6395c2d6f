import Glibc
import Synchronization
import ViseCompression
public import ViseTensor

/// How fast this machine reads memory, multiplies matrices and unpacks each format.
///
/// Measured in short runs on the threads that will do the work.
public struct MachineProfile: Sendable {
  /// Several runs of one rate.
  public struct Rate: Hashable, Sendable {
    /// Units a second, all threads together; one value a run.
    public let runs: [Double]

    public var median: Double { runs.sorted()[runs.count / 2] }
  }

  public let threadCount: Int
  /// Bytes a second read from memory.
  public let bandwidth: Rate
  /// Multiply-adds a second in float32 matrix products, times two.
  public let matrixFlops: Rate
  /// Weights a second unpacked and multiplied by a vector, by storage type.
  public let unpackRates: [StorageType: Rate]

  /// Measures for roughly `StorageType` count × 10 ms.
  public static func measure(
    on pool: ComputePool, cancellation: CancellationFlag
  ) throws -> MachineProfile {
    try BLAS.load()
    var rates: [StorageType: Rate] = [:]
    for type in NumberFormat.encodable + [.f32] {
      try cancellation.check()
      rates[type] = try unpackRate(type, pool)
    }
    return MachineProfile(
      threadCount: pool.threadCount, bandwidth: try bandwidth(pool),
      matrixFlops: try matrixFlops(pool), unpackRates: rates)
  }

  private static let runCount = 5

  /// Runs `body` on each thread at once, several times, and counts `units` for each of them.
  private static func rate(
    _ pool: ComputePool, units: Double, _ body: @Sendable (_ worker: Int) throws -> Void
  ) throws -> Rate {
    try pool.forEach(pool.threadCount) { item, _ in try body(item) }
    let runs = try (0..<runCount).map { _ in
      let start = ContinuousClock.now
      try pool.forEach(pool.threadCount) { item, _ in try body(item) }
      let elapsed = (ContinuousClock.now - start) / .seconds(1)
      return units * Double(pool.threadCount) / elapsed
    }
    return Rate(runs: runs)
  }

  /// Each thread sums its own block, larger together than the caches of common CPUs.
  private static func bandwidth(_ pool: ComputePool) throws -> Rate {
    let count = 24 << 20
    let blocks = (0..<pool.threadCount).map { _ in FloatBuffer(count: count) }
    for block in blocks { block.pointer.update(repeating: 1, count: count) }
    return try rate(pool, units: Double(count * 4)) { worker in
      let pointer = blocks[worker].pointer
      withExtendedLifetime(Kernels.dot(pointer, pointer, count: count)) {}
    }
  }

  private static func matrixFlops(_ pool: ComputePool) throws -> Rate {
    let (m, n, k) = (256, 1024, 1024)
    let inputs = (0..<pool.threadCount).map { _ in
      (filled(m, k), filled(n, k), Matrix(rows: m, columns: n))
    }
    return try rate(pool, units: Double(2 * m * n * k)) { worker in
      let (a, b, c) = inputs[worker]
      BLAS.multiplyTransposed(
        m: m, n: n, k: k, a: a.pointer, strideA: k, b: b.pointer, strideB: k, c: c.pointer,
        strideC: n)
    }
  }

  private static func unpackRate(_ type: StorageType, _ pool: ComputePool) throws -> Rate {
    let (rows, columns) = (512, 1024)
    guard let byteCount = type.byteCount(elements: columns) else { return Rate(runs: [.nan]) }
    let packed = try packedRow(type, columns: columns)
    let vector = filled(1, columns)
    return try rate(pool, units: Double(rows * columns)) { _ in
      var sum = 0.0
      try withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { row in
        for _ in 0..<rows {
          try packed.withUnsafeBytes { bytes in
            try type.decode(UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]), into: row)
          }
          if let start = row.baseAddress {
            sum += Kernels.dot(start, vector.pointer, count: columns)
          }
        }
      }
      withExtendedLifetime(sum) {}
    }
  }

  private static func packedRow(_ type: StorageType, columns: Int) throws -> [UInt8] {
    let source = filled(1, columns)
    guard type != .f32 else {
      return Array(UnsafeRawBufferPointer(start: source.pointer, count: columns * 4))
    }
    var bytes = [UInt8](repeating: 0, count: type.byteCount(elements: columns) ?? 0)
    try bytes.withUnsafeMutableBytes { bytes in
      try type.encode(
        UnsafeBufferPointer(start: source.pointer, count: columns), rows: 1, columns: columns,
        into: bytes)
    }
    return bytes
  }

  /// Values that differ, so that no encoder meets a special case.
  private static func filled(_ rows: Int, _ columns: Int) -> Matrix {
    var random = RandomSource(seed: 7)
    return Matrix(
      rows: rows, columns: columns,
      values: (0..<rows * columns).map { _ in Float(random.nextUnit() - 0.5) })
  }
}
