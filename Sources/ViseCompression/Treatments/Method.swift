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
  /// Nearest values under scales fitted to the errors of the outputs.
  case outputRange = "output_mse"
  /// Error feedback column by column (GPTQ).
  case gptq
  /// GPTQ in the order of the inputs' power, groups fitted beforehand.
  case gptqActivationOrder = "gptq_act_order"
  /// Exact error feedback, each row in its own order, cheapest weights first (OBQ).
  case exactOBQ = "obq"
  /// Error feedback, then coordinate descent on codes and scales.
  case descent
  /// Coordinate descent on codes and scales against the outputs, columns by falling size (COMQ).
  case comq
  /// Real offsets that let outliers err (half-quadratic quantization).
  case hqq
  /// Nearest values with a price on the bits an entropy coder gives their codes.
  case rate

  /// Whether it needs statistics of the site's inputs.
  public var needsCalibration: Bool {
    switch self {
    case .best, .roundToNearest, .hqq, .rate: false
    case .weighted, .outputRange, .gptq, .gptqActivationOrder, .exactOBQ, .descent,
      .comq:
      true
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
  /// Neurons by the largest magnitudes of their gate and up weights (MAW).
  case maximumWeight = "maw"
  /// Neurons by the variances of their gate and up weights (VOW).
  case weightVariance = "vow"
  /// Neurons by the product of the norms of their gate and up weights (PON).
  case normProduct = "pon"
  /// Channels by the energy they give the outputs, heads as a whole.
  case outputEnergy = "energy"
  /// Neurons merged with those whose gate and up weights are most alike (IFM).
  case merging = "ifm"

  public var needsCalibration: Bool {
    switch self {
    case .magnitude, .maximumWeight, .weightVariance, .normProduct, .merging: false
    case .wanda, .sparseGPT, .exactOBS, .repaired, .reformed, .outputEnergy: true
    }
  }

  /// Whether it looks at the weights that make the channels.
  public var readsPartners: Bool {
    switch self {
    case .maximumWeight, .weightVariance, .normProduct, .merging: true
    default: false
    }
  }

  /// Whether it can choose zeros in `pattern`.
  public func suits(_ pattern: Sparsity.Pattern) -> Bool {
    switch self {
    case .magnitude, .wanda: true
    case .reformed: pattern != .channels
    case .exactOBS: !pattern.isBlocks
    case .sparseGPT, .repaired: pattern != .channels && !pattern.isBlocks
    case .maximumWeight, .weightVariance, .normProduct, .outputEnergy, .merging:
      pattern == .channels
    }
  }
}

/// An algorithm that chooses the factors of a low-rank weight.
public enum FactorizationMethod: String, CaseIterable, Hashable, Sendable, Codable {
  /// The nearest matrix of the rank (Eckart–Young).
  case svd
  /// The nearest in the outputs on calibration data (SVD-LLM).
  case weightedSVD = "wsvd"

  public var needsCalibration: Bool { self != .svd }
}
