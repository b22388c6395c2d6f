/// What is published about a device that could run a model.
///
/// Figures come from data sheets or are derived from them as `source` says; nothing is measured.
public struct DeviceProfile: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    case cpu, gpu, soc, npu
  }

  public struct Memory: Hashable, Sendable {
    /// Bytes a second, the published peak.
    public var bandwidth: Double
    /// Bytes the device can have.
    public var capacity: Double
    /// The share of the peak taken to be reached, and why.
    public var efficiency: Double
    public var efficiencyReason: String

    public init(bandwidth: Double, capacity: Double, efficiency: Double, efficiencyReason: String) {
      self.bandwidth = bandwidth
      self.capacity = capacity
      self.efficiency = efficiency
      self.efficiencyReason = efficiencyReason
    }

    /// Bytes a second taken to be reached.
    public var reachedBandwidth: Double { bandwidth * efficiency }
  }

  public struct Compute: Hashable, Sendable {
    /// Dense operations a second, a multiply-add being two; a width that is absent is not native.
    public var peaks: [ComputeWidth: Double]
    /// The share of the peaks taken to be reached, and why.
    public var efficiency: Double
    public var efficiencyReason: String
    /// Operations that turn one stored weight into a wider number.
    public var dequantization: Double
    /// Tokens a matrix unit works on at once: fewer cost as much.
    public var tile: Int

    public init(
      peaks: [ComputeWidth: Double], efficiency: Double, efficiencyReason: String,
      dequantization:
        Double, tile: Int
    ) {
      self.peaks = peaks
      self.efficiency = efficiency
      self.efficiencyReason = efficiencyReason
      self.dequantization = dequantization
      self.tile = tile
    }

    /// Operations a second taken to be reached at `width`; `nil` where it is not native.
    public func reachedRate(_ width: ComputeWidth) -> Double? {
      peaks[width].map { $0 * efficiency }
    }

    /// Operations a second at which weights are decoded: those of the plain float units.
    public var dequantizationRate: Double {
      (peaks[.float32] ?? peaks[.float16] ?? 0) * efficiency
    }
  }

  /// Seconds that each product and each attention cost however small they are.
  public struct Overhead: Hashable, Sendable {
    public var perOperation: Double
    public var reason: String

    public init(perOperation: Double, reason: String) {
      self.perOperation = perOperation
      self.reason = reason
    }
  }

  public struct Energy: Hashable, Sendable {
    public enum Basis: Hashable, Sendable {
      /// Watts of the whole device under full load: an upper bound.
      case power(Double)
      /// Joules for each byte moved and each operation done.
      case parts(perByte: Double, perOperation: Double)
    }

    public var basis: Basis
    public var source: String

    public init(basis: Basis, source: String) {
      self.basis = basis
      self.source = source
    }
  }

  /// What it is asked for by, such as `rtx4090`.
  public var name: String
  public var title: String
  public var kind: Kind
  /// The documents its figures come from.
  public var source: String
  public var memory: Memory
  public var compute: Compute
  public var overhead: Overhead
  /// `nil` where nothing is published.
  public var energy: Energy?

  public init(
    name: String, title: String, kind: Kind, source: String, memory: Memory, compute: Compute,
    overhead: Overhead, energy: Energy?
  ) {
    self.name = name
    self.title = title
    self.kind = kind
    self.source = source
    self.memory = memory
    self.compute = compute
    self.overhead = overhead
    self.energy = energy
  }
}
