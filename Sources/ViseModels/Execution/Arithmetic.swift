import ViseTensor

/// How linear layers are computed.
public enum Arithmetic: CaseIterable, Hashable, Sendable {
  /// In float32, whatever a weight's type: what the weights' values alone do to the model.
  case float32
  /// As llama.cpp's CPU backend does: activations rounded to 8 bits (half floats for F16 weights)
  /// before they meet packed weights. Attention and norms stay in float32.
  case llamaCPU

  /// The type activations are rounded to before they meet weights of `type`; `nil` leaves them.
  func activationType(for type: StorageType) -> StorageType? {
    guard self == .llamaCPU else { return nil }
    switch type {
    case .f16: return .f16
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_NL, .mxfp4: return .q8_0
    case _ where type.blockLength == 256: return .q8_K
    default: return nil
    }
  }
}
