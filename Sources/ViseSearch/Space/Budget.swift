/// Something plans use that can be limited.
public enum Resource: String, CaseIterable, Hashable, Sendable {
  /// Bytes of the exported file.
  case bytes
  /// Seconds to decode a token on the device in question.
  case decodeSeconds = "decode_seconds"
  /// Bytes of memory at its fullest on the device in question.
  case memory
  /// Multiplications with an addition for one image.
  case macs
  /// Time as a share of the model's as loaded: a prior.
  case relativeTime = "relative_time"
}

/// Limits a plan must keep; within them the best quality is looked for.
public struct Budget: Hashable, Sendable {
  /// Limits by resource, in the resource's unit.
  public var limits: [Resource: Double]

  public init(limits: [Resource: Double] = [:]) {
    self.limits = limits
  }

  /// Limited resources, in a fixed order.
  public var resources: [Resource] { Resource.allCases.filter { limits[$0] != nil } }
}
