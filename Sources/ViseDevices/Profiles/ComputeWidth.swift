/// The numbers a device multiplies.
public enum ComputeWidth: String, CaseIterable, Hashable, Sendable {
  case float32 = "fp32"
  /// IEEE half or bfloat16: vendors publish one rate for both.
  case float16 = "fp16"
  case float8 = "fp8"
  case integer8 = "int8"
  case integer4 = "int4"
}

/// The numbers a weight is stored in, as far as arithmetic units can tell.
public enum StoredWidth: Hashable, Sendable {
  case float32
  case float16
  /// Floats of 8 bits or fewer.
  case float8
  /// Integer codes of 5 to 8 bits, or entries of integer tables.
  case integer8
  /// Integer codes of 4 bits or fewer.
  case integer4
  /// Codes that stand for real numbers: normal floats, palettes, codebooks.
  case table
}

/// Bits that activations are rounded to before they are multiplied.
public enum ActivationBits: Int, CaseIterable, Hashable, Sendable {
  case four = 4
  case eight = 8
  case sixteen = 16
}

extension StoredWidth {
  /// One way to multiply with such weights.
  struct Kernel: Hashable {
    let width: ComputeWidth
    /// Whether each weight must first be turned into a number of that width.
    let isDecoding: Bool
  }

  /// The widths that lose nothing of weights and activations, from the narrowest.
  ///
  /// What a device has no units for is left to the caller to strike out.
  func kernels(activations: ActivationBits) -> [Kernel] {
    func decoding(_ widths: ComputeWidth...) -> [Kernel] {
      widths.map { Kernel(width: $0, isDecoding: true) }
    }
    func plain(_ width: ComputeWidth) -> [Kernel] { [Kernel(width: width, isDecoding: false)] }
    switch (self, activations) {
    case (.float32, _): return plain(.float32)
    case (.float16, _): return plain(.float16) + decoding(.float32)
    case (.float8, .sixteen), (.integer8, .sixteen), (.integer4, .sixteen), (.table, _):
      return decoding(.float16, .float32)
    case (.float8, _): return plain(.float8) + decoding(.float16, .float32)
    case (.integer8, _): return plain(.integer8) + decoding(.float16, .float32)
    case (.integer4, .eight): return decoding(.integer8, .float16, .float32)
    case (.integer4, .four): return plain(.integer4) + decoding(.integer8, .float16, .float32)
    }
  }
}
