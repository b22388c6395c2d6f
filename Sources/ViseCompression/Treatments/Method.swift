/// An algorithm that chooses the values a number format stores.
///
/// Each is a type of its own below `Solvers`; this names them in plans.
public enum Method: String, CaseIterable, Hashable, Sendable, Codable {
  /// What the library's own benchmark recommends for the format and the data at hand.
  case best
  /// Nearest values under scales fitted to the weights alone.
  case roundToNearest = "rtn"
  /// Nearest values under scales fitted to errors weighed by the inputs' mean squares.
  case weighted
  /// Error feedback column by column (GPTQ).
  case gptq
  /// GPTQ in the order of the inputs' power, groups fitted beforehand.
  case gptqActivationOrder = "gptq_act_order"
  /// Error feedback, then coordinate descent on codes and scales.
  case descent
  /// Coordinate descent on codes and scales against the outputs, columns by falling size (COMQ).
  case comq
  /// Real offsets that let outliers err (half-quadratic quantization).
  case hqq

  /// Whether it needs statistics of the site's inputs.
  public var needsCalibration: Bool {
    switch self {
    case .best, .roundToNearest, .hqq: false
    case .weighted, .gptq, .gptqActivationOrder, .descent, .comq: true
    }
  }
}

/// An algorithm that chooses which weights are removed, and what becomes of the rest.
public enum PruningMethod: String, CaseIterable, Hashable, Sendable, Codable {
  /// The smallest magnitudes of each row go.
  case magnitude
  /// The smallest |w| · ‖x‖₂ of each row go (Wanda).
  case wanda
  /// Optimal brain surgeon over blocks of columns, the rest updated (SparseGPT).
  case sparseGPT = "sparsegpt"
  /// Optimal brain surgeon one weight at a time, for rows of moderate width (ExactOBS).
  case exactOBS = "obs"
  /// Wanda's mask, repaired until the mean outputs are what they were (DSnoT).
  case repaired = "dsnot"
  /// Wanda's mask, with the values of least squared output error under it.
  case reformed = "reformation"

  public var needsCalibration: Bool { self != .magnitude }
}

/// An algorithm that chooses the factors of a low-rank weight.
public enum FactorizationMethod: String, CaseIterable, Hashable, Sendable, Codable {
  /// The nearest matrix of the rank (Eckart–Young).
  case svd
  /// The nearest in the outputs on calibration data (SVD-LLM).
  case weightedSVD = "wsvd"

  public var needsCalibration: Bool { self != .svd }
}
