extension Treatment {
  /// Why `site` cannot be treated so, or `nil` where it can.
  ///
  /// Treatments are applied in one order: prune, factorize, store.
  public func problem(for site: Site) -> String? {
    let first =
      channelProblem(for: site) ?? biasProblem(for: site) ?? sharingProblem(for: site)
      ?? inputsProblem(for: site)
    if let first { return first }
    guard removesChannels else { return problem(for: site.shape) }
    let small = reduced(site)
    return afterReduction(of: site).problem(
      for: WeightShape(
        rows: max(small.rows, 1), columns: small.columns == 0 ? site.columns : small.columns,
        kernel: site.kernel))
  }

  private func inputsProblem(for site: Site) -> String? {
    guard inputs != nil, !site.role.takesQuantizedInputs else { return nil }
    return "inputs of layers of role \(site.role.rawValue) are not quantized"
  }

  private func biasProblem(for site: Site) -> String? {
    guard correctsBias else { return nil }
    if site.bias == nil { return "the layer has no bias that could be corrected" }
    return sparsity == nil && form == .whole && format == nil
      ? "bias=correct needs something that changes the weight" : nil
  }

  /// As `problem(for:)`, for a weight that is part of no model.
  public func problem(for shape: WeightShape) -> String? {
    let (rows, columns) = (shape.rows, shape.columns)
    if let sparsity, case .nOfM(_, let group) = sparsity.pattern {
      if columns % group != 0 {
        return
          "\(sparsity.pattern.name) needs rows divisible by \(group), this site's are \(columns)"
      }
      if form != .whole {
        return "\(sparsity.pattern.name) does not survive a factorization, whose product is dense"
      }
    }
    if let sparsity, case .blocks(let height, let width) = sparsity.pattern,
      let problem = problem(sparsity, height, width, rows: rows, columns: columns)
    {
      return problem
    }
    if let sparsity, sparsity.keptCount(columns: columns) == 0 {
      return "pruning \(sparsity.ratio) leaves nothing of rows of \(columns)"
    }
    if let structure {
      if let problem = problem(structure, shape) { return problem }
    } else if let lowRank {
      let limit = min(rows, columns)
      if lowRank.rank >= limit {
        return "rank \(lowRank.rank) is no reduction: the weight's own is at most \(limit)"
      }
      if let format,
        let reason = format.misfit(columns: columns) ?? format.misfit(columns: lowRank.rank)
      {
        return "a factor of rank \(lowRank.rank): \(reason)"
      }
    } else if let format, let reason = format.misfit(columns: columns) {
      return reason
    }
    if let format, !format.supports(method) {
      return "\(method.rawValue) does not fill \(format.name)"
    }
    if form == .whole, method == .exactOBQ { return ExactOBQ.misfit(rows: rows, columns: columns) }
    return nil
  }

  private func problem(
    _ sparsity: Sparsity, _ height: Int, _ width: Int, rows: Int, columns: Int
  ) -> String? {
    let name = sparsity.pattern.name
    if rows % height != 0 || columns % width != 0 {
      return "\(name) needs whole blocks, this site is \(rows) × \(columns)"
    }
    if form != .whole {
      return "\(name) does not survive a factorization, whose product is dense"
    }
    let count = rows / height * (columns / width)
    let removed = BlockSelection(height: height, width: width, ratio: sparsity.ratio)
      .removed(of: count)
    if removed == 0 { return "pruning \(sparsity.ratio) of \(count) blocks removes none" }
    return removed == count ? "pruning \(sparsity.ratio) of \(count) blocks leaves none" : nil
  }

  private func problem(_ structure: Structure, _ shape: WeightShape) -> String? {
    if lowRank != nil { return "a rank and \(structure.name) exclude each other" }
    if let problem = structure.problem(for: shape) { return problem }
    guard let format else { return nil }
    for part in form.parts(of: shape) {
      if let reason = format.misfit(columns: part.columns) {
        return "the part \(part.name) of \(structure.name): \(reason)"
      }
    }
    switch structure {
    case .blocks, .shared: return nil
    default: break
    }
    return method.needsCalibration
      ? "\(method.rawValue) needs inputs, which the parts of \(structure.name) do not have" : nil
  }
}
