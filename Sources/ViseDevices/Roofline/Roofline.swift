/// What bounds the speed of an operation.
public enum Ceiling: String, CaseIterable, Hashable, Sendable {
  case memoryBandwidth = "memory bandwidth"
  case compute = "compute"
  case dequantization = "dequantization"
  case overhead = "overhead"
}

/// The time some work takes on a device, by what bounds it.
public struct RooflineTime: Hashable, Sendable {
  /// Seconds of the operations that each ceiling binds.
  public private(set) var seconds: [Ceiling: Double] = [:]
  /// Bytes moved between memory and units.
  public private(set) var byteCount = 0.0
  public private(set) var operationCount = 0.0

  public var total: Double { Ceiling.allCases.reduce(0) { $0 + (seconds[$1] ?? 0) } }

  /// The ceiling that binds for the longest.
  public var binding: Ceiling {
    Ceiling.allCases.max { (seconds[$0] ?? 0) < (seconds[$1] ?? 0) } ?? .memoryBandwidth
  }

  mutating func add(_ time: Double, to ceiling: Ceiling) { seconds[ceiling, default: 0] += time }

  mutating func count(bytes: Double, operations: Double) {
    byteCount += bytes
    operationCount += operations
  }
}

/// Times on a device from published figures: each operation takes the longest of its ceilings.
///
/// The roofline of Williams, Waterman and Patterson (CACM 2009) with traffic of weights and of keys
/// and values apart (Kinetics, arXiv:2506.05333) and decoding of packed weights as a ceiling of its
/// own (QServe, arXiv:2405.04532). A prior, never a measurement; it has no interval.
public struct Roofline: Hashable, Sendable {
  /// What every figure from here is marked with.
  public static let provenance = "prior: roofline of published figures"

  public let profile: DeviceProfile
  public let activations: ActivationBits

  public init(profile: DeviceProfile, activations: ActivationBits = .eight) {
    self.profile = profile
    self.activations = activations
  }

  /// One token after `context` others, at batch 1.
  public func decode(_ workload: DeviceWorkload, context: Int) -> RooflineTime {
    var time = RooflineTime()
    for product in workload.products { add(product, tokens: 1, to: &time) }
    for attention in workload.attentions {
      let seen = Double(attention.seen(context + 1))
      add(
        Work(
          bytes: (seen + 1) * Double(attention.keptPerToken) * 2,
          operations: 2 * seen * Double(attention.heads * attention.keyValueLength),
          stored: .float16, storedCount: seen * Double(attention.keptPerToken)), to: &time)
    }
    return time
  }

  /// A prompt of `length` tokens up to the first token's logits.
  public func prefill(_ workload: DeviceWorkload, length: Int) -> RooflineTime {
    var time = RooflineTime()
    for product in workload.products {
      add(product, tokens: product.isLastTokenOnly ? 1 : length, to: &time)
    }
    for attention in workload.attentions {
      let kept = Double(length * attention.keptPerToken)
      add(
        Work(
          bytes: 2 * kept * 2,
          operations: 2 * Self.pairs(length, attention.window)
            * Double(attention.heads * attention.keyValueLength),
          stored: .float16, storedCount: kept), to: &time)
    }
    return time
  }

  /// Pairs of a token and one it sees, for a prompt of `length` tokens.
  static func pairs(_ length: Int, _ window: Int?) -> Double {
    let window = Double(min(length, window ?? length))
    return window * (window + 1) / 2 + (Double(length) - window) * window
  }

  private struct Work {
    var bytes: Double
    /// Multiplications and additions that are asked for.
    var operations: Double
    /// The same with the unused part of the last tile of a matrix unit.
    var tiledOperations: Double?
    var stored: StoredWidth
    /// Numbers to decode where the width multiplied in is not the stored one.
    var storedCount: Double
  }

  private func add(_ product: DeviceWorkload.Product, tokens: Int, to time: inout RooflineTime) {
    let weights = Double(product.rows) * Double(product.columns)
    let tile = profile.compute.tile
    let tiles = Double((tokens + tile - 1) / tile)
    add(
      Work(
        bytes: Double(product.byteCount) + Double(tokens * (product.rows + product.columns) * 2),
        operations: 2 * weights * Double(tokens),
        tiledOperations: 2 * weights * tiles * Double(tile), stored: product.stored,
        storedCount: weights), to: &time)
  }

  private func add(_ work: Work, to time: inout RooflineTime) {
    let memory = work.bytes / profile.memory.reachedBandwidth
    var best: (seconds: Double, ceiling: Ceiling)?
    for kernel in kernels(work.stored) {
      guard let rate = profile.compute.reachedRate(kernel.width) else { continue }
      // Plain float units work on one token at a time; the others fill tiles.
      let operations =
        kernel.width == .float32 ? work.operations : work.tiledOperations ?? work.operations
      let decoding =
        kernel.isDecoding
        ? work.storedCount * profile.compute.dequantization / profile.compute.dequantizationRate
        : 0
      var bound = (seconds: memory, ceiling: Ceiling.memoryBandwidth)
      if operations / rate > bound.seconds { bound = (operations / rate, .compute) }
      if decoding > bound.seconds { bound = (decoding, .dequantization) }
      if bound.seconds < best?.seconds ?? .infinity { best = bound }
    }
    if let best { time.add(best.seconds, to: best.ceiling) }
    time.add(profile.overhead.perOperation, to: .overhead)
    time.count(bytes: work.bytes, operations: work.operations)
  }

  /// The ways the device has of multiplying; without float32 units, floats are taken as halves.
  private func kernels(_ stored: StoredWidth) -> [StoredWidth.Kernel] {
    let native = stored.kernels(activations: activations).filter {
      profile.compute.peaks[$0.width] != nil
    }
    return native.isEmpty ? [StoredWidth.Kernel(width: .float16, isDecoding: true)] : native
  }
}
