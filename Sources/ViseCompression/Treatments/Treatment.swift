/// What to do to one site: prune, then factorize, then store in a number format.
public struct Treatment: Hashable, Sendable {
  public var sparsity: Sparsity?
  public var lowRank: LowRank?
  /// In place of a rank.
  public var structure: Structure?
  /// The format to store the values in; `nil` leaves them in the file's.
  public var format: NumberFormat?
  /// How the format's values are chosen.
  public var method: Method
  /// Whether the layer's bias takes up the mean error of its outputs.
  public var correctsBias: Bool
  /// How the layer's inputs are quantized before it; `nil` leaves them as they are.
  public var inputs: InputFormat?
  /// What the pruning of a site this one feeds takes of its rows; plans fill it in, files never say it.
  public internal(set) var rowCut: RowCut?
  /// The sites whose basis this one shares; plans fill it in.
  public internal(set) var sharers: BasisSharers?

  public init(
    sparsity: Sparsity? = nil, lowRank: LowRank? = nil, structure: Structure? = nil,
    format: NumberFormat? = nil, method: Method = .best, correctsBias: Bool = false,
    inputs: InputFormat? = nil
  ) {
    self.sparsity = sparsity
    self.lowRank = lowRank
    self.structure = structure
    self.format = format
    self.method = format == nil ? .best : method
    self.correctsBias = correctsBias
    self.inputs = inputs
  }

  /// Leaves the site as the file has it.
  public static let keep = Treatment()

  /// Whether a number format is all it asks for.
  public var isFormatOnly: Bool {
    sparsity == nil && form == .whole && format != nil && rowCut == nil && !correctsBias
      && inputs == nil
  }

  /// Whether one of its methods cannot work without statistics of the site's inputs.
  public var needsCalibration: Bool {
    (format != nil && method.needsCalibration) || (sparsity?.method?.needsCalibration ?? false)
      || (lowRank?.method?.needsCalibration ?? false) || correctsBias
      || inputs.map { !$0.isDynamic } ?? false
  }
}
