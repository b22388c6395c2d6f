public import ViseTensor

/// Removes whole channels of a site with the method a treatment names, or the best there is data for.
///
/// Where there are statistics of the inputs the weights that remain are refitted to the outputs,
/// unless neurons were merged, whose outgoing weights are sums.
public struct ChannelPruning: Sendable {
  private let sparsity: Sparsity
  private let group: ChannelGroup
  private let statistics: SiteCalibration?
  private let factors: InputFactorCache
  private let incoming: @Sendable () throws -> [Matrix]

  /// - Parameters:
  ///   - incoming: the weights whose rows make the channels, such as gate and up.
  public init(
    sparsity: Sparsity, group: ChannelGroup, statistics: SiteCalibration?,
    factors: InputFactorCache, incoming: @escaping @Sendable () throws -> [Matrix]
  ) {
    self.sparsity = sparsity
    self.group = group
    self.statistics = statistics
    self.factors = factors
    self.incoming = incoming
  }

  /// The method that is used where none is named.
  private var method: PruningMethod {
    if let method = sparsity.method { return method }
    // Without data the largest weights are the safest sign of neurons that carry massive activations.
    guard statistics != nil else { return group.unit == 1 ? .maximumWeight : .magnitude }
    return group.unit * group.count <= ChannelOBS.columnLimit ? .exactOBS : .outputEnergy
  }

  /// The columns of `weight` that remain.
  public func selection(of weight: Matrix, work: RowWork) throws -> ChannelSelection {
    precondition(weight.columns == group.unit * group.count)
    let count = group.keptCount(ratio: sparsity.ratio)
    guard count > 0 else { return ChannelSelection(kept: []) }
    let scores: [Float]
    switch method {
    case .magnitude: scores = ChannelMagnitude(group: group).scores(of: weight)
    case .wanda:
      scores = try ChannelWanda(group: group, meanSquares: known().diagonal).scores(of: weight)
    case .outputEnergy:
      scores = try OutputEnergy(group: group, secondMoment: known().secondMoment)
        .scores(of: weight)
    case .maximumWeight: scores = MaximumAbsoluteWeight().scores(try incoming())
    case .weightVariance: scores = VarianceOfWeights().scores(try incoming())
    case .normProduct: scores = ProductOfNorms().scores(try incoming())
    case .exactOBS:
      return try ChannelOBS(group: group, factor: factors.factor(of: try known()))
        .selection(of: weight, keptCount: count, cancellation: work.cancellation)
    case .merging:
      return try NeuronMerging().selection(try incoming(), keptCount: count)
    case .sparseGPT, .repaired, .reformed:
      throw CompressionError.unsuitable("\(method.rawValue) chooses single weights")
    }
    return ChannelSelection(scores: scores, keptCount: count, group: group)
  }

  /// The values of the columns of `weight` that `selection` keeps.
  public func values(of weight: Matrix, _ selection: ChannelSelection) throws -> Matrix {
    if method == .merging { return NeuronMerging.values(of: weight, selection) }
    guard statistics != nil, !selection.kept.isEmpty else {
      return weight.columns(at: selection.kept)
    }
    return try ChannelRefit(factor: factors.factor(of: try known()))
      .values(of: weight, keeping: selection.kept)
  }

  private func known() throws(CompressionError) -> SiteCalibration {
    guard let statistics else { throw .needsCalibration(method: method.rawValue) }
    return statistics
  }
}

extension Matrix {
  /// The rows `indices`, copied.
  public func rows(at indices: [Int]) -> Matrix {
    let result = Matrix(rows: indices.count, columns: columns)
    withExtendedLifetime(self) {
      for (place, index) in indices.enumerated() {
        result.row(place).update(from: row(index), count: columns)
      }
    }
    return result
  }

  /// The columns `indices`, copied.
  public func columns(at indices: [Int]) -> Matrix {
    precondition(indices.allSatisfy { $0 >= 0 && $0 < columns })
    let result = Matrix(rows: rows, columns: indices.count)
    withExtendedLifetime(self) {
      for row in 0..<rows {
        let (source, target) = (self.row(row), result.row(row))
        for (place, index) in indices.enumerated() { target[place] = source[index] }
      }
    }
    return result
  }
}
