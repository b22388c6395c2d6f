public import ViseCompression

/// A method for one of a treatment's stages.
public enum MethodChoice: Hashable, Sendable {
  /// How the format's values are chosen.
  case format(Method)
  /// `nil` chooses by whether there is calibration.
  case pruning(PruningMethod?)
  /// `nil` chooses by whether there is calibration.
  case factorization(FactorizationMethod?)

  public var name: String {
    switch self {
    case .format(let method): method.rawValue
    case .pruning(let method): method?.rawValue ?? "prune by data"
    case .factorization(let method): method?.rawValue ?? "factors by data"
    }
  }

  public var needsCalibration: Bool {
    switch self {
    case .format(let method): method.needsCalibration
    case .pruning(let method): method?.needsCalibration ?? false
    case .factorization(let method): method?.needsCalibration ?? false
    }
  }

  /// What it does, in a few words.
  public var summary: String {
    switch self {
    case .format(let method): Self.summary(of: method)
    case .pruning(nil), .factorization(nil): "by the data at hand"
    case .pruning(.magnitude): "the smallest magnitudes go"
    case .pruning(.wanda): "the smallest |w| × input go"
    case .pruning(.sparseGPT): "by blocks, the rest adjusted"
    case .pruning(.exactOBS): "one by one, rest adjusted"
    case .pruning(.repaired): "Wanda, its mask repaired"
    case .pruning(.reformed): "Wanda, the rest refitted"
    case .pruning(.maximumWeight): "largest gate and up weights"
    case .pruning(.weightVariance): "variance of gate and up"
    case .pruning(.normProduct): "norms of gate times up"
    case .pruning(.outputEnergy): "by energy in the outputs"
    case .pruning(.merging): "like neurons merged"
    case .factorization(.svd): "nearest matrix of the rank"
    case .factorization(.weightedSVD): "nearest outputs of the rank"
    }
  }

  /// The stage it belongs to.
  public var stage: String {
    switch self {
    case .format: "values"
    case .pruning: "pruning"
    case .factorization: "factors"
    }
  }

  /// `treatment` with this method, or `nil` where it has no such stage.
  func applied(to treatment: Treatment) -> Treatment? {
    var treatment = treatment
    switch self {
    case .format(let method):
      guard treatment.format != nil else { return nil }
      treatment.method = method
    case .pruning(let method):
      guard let sparsity = treatment.sparsity else { return nil }
      treatment.sparsity = Sparsity(
        ratio: sparsity.ratio, pattern: sparsity.pattern, method: method)
    case .factorization(let method):
      guard let lowRank = treatment.lowRank else { return nil }
      treatment.lowRank = LowRank(rank: lowRank.rank, method: method)
    }
    return treatment
  }

  /// Every method that could suit `treatment`.
  static func choices(for treatment: Treatment) -> [MethodChoice] {
    var choices: [MethodChoice] = []
    if let format = treatment.format {
      choices += Method.allCases.filter { format.supports($0) }.map { .format($0) }
    }
    if let pattern = treatment.sparsity?.pattern {
      let suitable = PruningMethod.allCases.filter { $0.suits(pattern) }
      choices += ([nil] + suitable).map { .pruning($0) }
    }
    if treatment.lowRank != nil {
      choices += ([nil] + FactorizationMethod.allCases).map { .factorization($0) }
    }
    return choices
  }

  private static func summary(of method: Method) -> String {
    switch method {
    case .best: "what suits best"
    case .roundToNearest: "nearest values"
    case .weighted: "nearest, weighed by inputs"
    case .outputRange: "ranges by the outputs"
    case .gptq: "error feedback by column"
    case .gptqActivationOrder: "GPTQ, strong inputs first"
    case .exactOBQ: "one by one, each row's order"
    case .descent: "error feedback, then descent"
    case .comq: "descent on codes and scales"
    case .rate: "nearest, coded bits priced"
    case .hqq: "offsets that let outliers err"
    }
  }
}
