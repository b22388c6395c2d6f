/// What a model under a plan would cost on a device, from published figures.
public struct DeviceEstimate: Hashable, Sendable {
  /// Memory at its fullest.
  public struct Memory: Hashable, Sendable {
    public let weights: Int
    public let keysAndValues: Int
    public let activations: Int
    /// Bytes the device can have.
    public let capacity: Double

    public var total: Int { weights + keysAndValues + activations }
    public var fits: Bool { Double(total) <= capacity }
  }

  /// Energy, with what it rests on.
  public struct Energy: Hashable, Sendable {
    public let joulesPerToken: Double
    /// It is what the device could use at most in that time.
    public let isUpperBound: Bool
    public let source: String
  }

  public let profile: DeviceProfile
  public let decode: RooflineTime
  public let prefill: RooflineTime
  public let prompt: Int
  public let memory: Memory
  /// Of one decoded token; `nil` where nothing is published.
  public let energy: Energy?

  public var decodeTokensPerSecond: Double { 1 / decode.total }
  public var prefillTokensPerSecond: Double { Double(prompt) / prefill.total }
  public var secondsToFirstToken: Double { prefill.total }

  /// - Precondition: `context` ≥ 0 and `prompt` ≥ 1.
  public init(
    _ workload: DeviceWorkload, on profile: DeviceProfile, context: Int, prompt: Int,
    activations: ActivationBits = .eight
  ) {
    precondition(context >= 0 && prompt >= 1, "a context and a prompt have tokens")
    let roofline = Roofline(profile: profile, activations: activations)
    self.profile = profile
    self.prompt = prompt
    decode = roofline.decode(workload, context: context)
    prefill = roofline.prefill(workload, length: prompt)
    memory = Memory(
      weights: workload.weightByteCount,
      keysAndValues: workload.keyValueByteCount(context: max(context + 1, prompt)),
      activations: workload.activationByteCount(tokens: prompt),
      capacity: profile.memory.capacity)
    energy = profile.energy.map { [decode] energy in
      switch energy.basis {
      case .power(let watts):
        Energy(joulesPerToken: watts * decode.total, isUpperBound: true, source: energy.source)
      case .parts(let perByte, let perOperation):
        Energy(
          joulesPerToken: perByte * decode.byteCount + perOperation * decode.operationCount,
          isUpperBound: false, source: energy.source)
      }
    }
  }
}
