import ViseFormats
import ViseTensor

/// A key for what is stored about a model: FNV-1a over names, shapes, types and samples.
///
/// Reads at most 4 KiB a tensor, so that opening a large file stays fast. Two models that differ
/// only in values outside the samples share a fingerprint.
enum ModelFingerprint {
  private static let sampleByteCount = 4096

  static func compute(_ checkpoint: Checkpoint) -> String {
    var hash = FNV1a()
    for tensor in checkpoint.tensors {
      hash.combine(Array(tensor.name.utf8))
      hash.combine(Array("\(tensor.shape) \(tensor.type.name)".utf8))
      checkpoint.withBytes(of: tensor) { bytes in
        hash.combine(bytes.prefix(sampleByteCount / 2))
        hash.combine(bytes.suffix(sampleByteCount / 2))
      }
    }
    return hash.hexadecimal
  }
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo).
public struct FNV1a: Sendable {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  public mutating func combine(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  }

  /// The hash as a number.
  public var value: UInt64 { state }

  /// Sixteen digits.
  public var hexadecimal: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
