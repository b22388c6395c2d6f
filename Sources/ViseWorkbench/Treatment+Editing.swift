public import ViseCompression

extension Treatment {
  /// The same stages before, stored in `format`; the method stays where the format supports it.
  func storing(_ format: NumberFormat?) -> Treatment {
    let isSupported = format?.supports(method) ?? false
    return Treatment(
      sparsity: sparsity, lowRank: lowRank, structure: structure, format: format,
      method: isSupported ? method : .best, correctsBias: correctsBias)
  }

  /// The same with a factorization of `rank` in place of any structure.
  func ranked(_ rank: Int?) -> Treatment {
    var treatment = self
    treatment.lowRank = lowRank(of: rank)
    treatment.structure = nil
    return treatment
  }

  /// A factorization of `rank` by the method in use.
  func lowRank(of rank: Int?) -> LowRank? {
    rank.map { LowRank(rank: $0, method: lowRank?.method) }
  }

  /// The methods that cannot work without statistics, such as `gptq`.
  var calibratedMethods: String {
    var names: [String] = []
    if let pruning = sparsity?.method, pruning.needsCalibration { names.append(pruning.rawValue) }
    if let factorization = lowRank?.method, factorization.needsCalibration {
      names.append(factorization.rawValue)
    }
    if format != nil, method.needsCalibration { names.append(method.rawValue) }
    return names.joined(separator: " and ")
  }

  /// The stages in few columns: `r64 int4 −30%`, the format without what it shares scales over.
  public func compactName(for site: Site) -> String {
    let stored = format ?? .ggml(site.stored)
    let name = stored.name.split(separator: ":").first.map(String.init) ?? stored.name
    let parts = [
      lowRank.map { "r\($0.rank)" } ?? structure?.name, name, sparsity.map { $0.compactName },
    ]
    return parts.compactMap { $0 }.joined(separator: " ")
  }
}

extension Sparsity {
  /// `30%` or `2:4`.
  var shortName: String {
    if case .nOfM = pattern { return pattern.name }
    let thousandths = Int((ratio * 1000).rounded())
    return thousandths % 10 == 0
      ? "\(thousandths / 10)%" : "\(thousandths / 10).\(thousandths % 10)%"
  }

  /// `−30%`, `2:4`, `ch−30%` for whole channels, or `bl−30%` for blocks.
  var compactName: String {
    switch pattern {
    case .unstructured: "−\(shortName)"
    case .nOfM: shortName
    case .channels: "ch−\(shortName)"
    case .blocks: "bl−\(shortName)"
    }
  }

  /// The same pattern by the method of `other` where this names none.
  func keepingMethod(of other: Sparsity?) -> Sparsity {
    Sparsity(ratio: ratio, pattern: pattern, method: method ?? other?.method)
  }
}
