public import ViseCompression

/// What the user asked for, before it meets the sites.
///
/// All but `keep` and `treatment` change one stage and leave the others as they are.
public enum EditIntent: Hashable, Sendable {
  case bits(Int)
  case format(NumberFormat)
  /// The format the file has it in.
  case storedFormat
  case keep
  /// The next smaller (−1) or larger (+1) format of each site.
  case step(Int)
  /// `nil` prunes nothing.
  case prune(Sparsity?)
  /// This many percent more of the weights removed.
  case pruneStep(Int)
  /// `nil` factorizes nothing.
  case rank(Int?)
  /// The rank the rule finds from each site's singular values.
  case rankRule(RankRule)
  /// The next smaller (−1) or larger (+1) quarter of the full rank, or tenth of what a tensor
  /// decomposition holds.
  case rankStep(Int)
  case method(MethodChoice)
  /// All stages at once.
  case treatment(Treatment)

  /// How the message line and the journal call it.
  public var label: String {
    switch self {
    case .bits(let bits): "\(bits) bits"
    case .format(let format): format.name
    case .storedFormat: "as stored"
    case .keep: "keep"
    case .step(let direction): direction < 0 ? "fewer bits" : "more bits"
    case .prune(let sparsity): sparsity.map { "prune \($0.shortName)" } ?? "no pruning"
    case .pruneStep(let percent): percent < 0 ? "prune less" : "prune more"
    case .rank(let rank): rank.map { "rank \($0)" } ?? "full rank"
    case .rankRule(let rule): "rank \(rule.name)"
    case .rankStep(let direction): direction < 0 ? "lower rank" : "higher rank"
    case .method(let choice): choice.name
    case .treatment(let treatment): treatment.name
    }
  }

  /// A site's share of an edit.
  enum Outcome {
    /// The reason says why it is not what was asked for.
    case choice(SiteChoice, reason: String?)
    case refused(String)
    case unchanged
  }

  /// What `site`, now treated as `current`, gets.
  ///
  /// - Parameter isCalibrated: whether there are statistics of the site's inputs.
  func outcome(for site: Site, current: SiteChoice, isCalibrated: Bool) -> Outcome {
    let outcome = wish(for: site, current)
    guard case .choice(let choice, _) = outcome else { return outcome }
    if let problem = choice.treatment.problem(for: site) { return .refused(problem) }
    if choice.treatment.needsCalibration, !isCalibrated {
      return .refused(
        "\(choice.treatment.calibratedMethods) needs statistics of the layer's inputs")
    }
    return outcome
  }

  private func wish(for site: Site, _ current: SiteChoice) -> Outcome {
    var choice = current
    switch self {
    case .keep: return .choice(.keep, reason: nil)
    case .treatment(let treatment): return .choice(SiteChoice(treatment), reason: nil)
    case .bits(let bits):
      return DefaultFormat.asked(bits: bits, for: site).map { fit($0, site, current) }
        ?? .refused("no format has \(bits) bits")
    case .format(let format): return fit(format, site, current)
    case .storedFormat:
      choice = SiteChoice(current.treatment.storing(nil))
    case .step(let direction): return step(direction, site, current)
    case .prune(let sparsity):
      choice.treatment.sparsity = sparsity.map { $0.keepingMethod(of: current.treatment.sparsity) }
    case .pruneStep(let percent): return stepPruning(percent, current)
    case .rank(let rank): choice.treatment = current.treatment.ranked(rank)
    case .rankRule: return .refused("its singular values are not known yet")
    case .rankStep(let direction): return stepRank(direction, site, current)
    case .method(let method):
      guard let treatment = method.applied(to: current.treatment) else { return .unchanged }
      choice.treatment = treatment
    }
    return .choice(choice, reason: nil)
  }

  private func fit(_ format: NumberFormat, _ site: Site, _ current: SiteChoice) -> Outcome {
    if current.treatment.structure != nil {
      return .choice(SiteChoice(current.treatment.storing(format)), reason: nil)
    }
    let rank = current.treatment.lowRank?.rank
    let small = current.treatment.reduced(site)
    guard let resolution = DefaultFormat.resolve(format, for: small, rank: rank) else {
      return .refused(format.misfit(columns: site.columns) ?? "no format fits rank \(rank ?? 0)")
    }
    return .choice(
      SiteChoice(current.treatment.storing(resolution.used), asked: format),
      reason: resolution.reason)
  }

  private func step(_ direction: Int, _ site: Site, _ current: SiteChoice) -> Outcome {
    let now = current.treatment.storedFormat(for: site).bitsPerWeight
    let fitting = NumberFormat.common.map { NumberFormat.ggml($0) }.filter {
      current.treatment.storing($0).problem(for: site) == nil
    }
    let next =
      direction < 0
      ? fitting.filter { $0.bitsPerWeight < now }.max { $0.bitsPerWeight < $1.bitsPerWeight }
      : fitting.filter { $0.bitsPerWeight > now }.min { $0.bitsPerWeight < $1.bitsPerWeight }
    return next.map { .choice(SiteChoice(current.treatment.storing($0)), reason: nil) }
      ?? .unchanged
  }

  /// `pattern` where its share can be chosen, else single weights.
  private static func patternWithShare(_ pattern: Sparsity.Pattern?) -> Sparsity.Pattern {
    guard let pattern, pattern == .channels || pattern.isBlocks else { return .unstructured }
    return pattern
  }

  private func stepPruning(_ percent: Int, _ current: SiteChoice) -> Outcome {
    let old = current.treatment.sparsity
    let now = Int(((old?.ratio ?? 0) * 100).rounded())
    let next = min(max(now + percent, 0), 95)
    guard next != now else { return .unchanged }
    var choice = current
    choice.treatment.sparsity =
      next == 0
      ? nil
      : Sparsity(
        ratio: Double(next) / 100, pattern: Self.patternWithShare(old?.pattern)
      ).keepingMethod(of: old)
    return .choice(choice, reason: nil)
  }

  /// Steps through quarters of the full rank, each lowered to what the format's blocks divide.
  private func stepRank(_ direction: Int, _ site: Site, _ current: SiteChoice) -> Outcome {
    if case .tensor(let decomposition)? = current.treatment.structure {
      return stepShare(direction, decomposition, current)
    }
    let full = min(site.rows, site.columns)
    let now = current.treatment.lowRank?.rank ?? full
    let ranks = [3, 2, 1].compactMap { quarter -> Int? in
      let wanted = max(full * quarter / 4, 1)
      return (max(wanted - 255, 1)...wanted).last { ranked(current, $0).problem(for: site) == nil }
    }
    var choice = current
    if direction < 0 {
      guard let rank = ranks.filter({ $0 < now }).max() else {
        let problem = ranks.isEmpty ? ranked(current, full / 2).problem(for: site) : nil
        return problem.map { .refused($0) } ?? .unchanged
      }
      choice.treatment = ranked(current, rank)
    } else {
      guard now < full else { return .unchanged }
      choice.treatment = ranked(current, ranks.filter { $0 > now }.min())
    }
    return .choice(choice, reason: remark(choice.treatment.lowRank?.rank, site))
  }

  /// Steps through tenths of the weight's numbers, the whole weight above them.
  private func stepShare(
    _ direction: Int, _ decomposition: TensorDecomposition, _ current: SiteChoice
  ) -> Outcome {
    guard case .share(let share) = decomposition.size else {
      let kind = decomposition.kind.rawValue
      return .refused("type other ranks than those of \(decomposition.name), or \(kind):50%")
    }
    let tenths = Int((share * 10).rounded(direction < 0 ? .up : .down)) + direction
    guard tenths > 0 else { return .unchanged }
    var choice = current
    choice.treatment.structure =
      tenths < 10
      ? .tensor(TensorDecomposition(decomposition.kind, .share(Double(tenths) / 10))) : nil
    return .choice(choice, reason: nil)
  }

  private func ranked(_ current: SiteChoice, _ rank: Int?) -> Treatment {
    current.treatment.ranked(rank)
  }

  /// Says where two factors hold more numbers than the weight.
  private func remark(_ rank: Int?, _ site: Site) -> String? {
    let breakEven = LowRank.breakEven(rows: site.rows, columns: site.columns)
    guard let rank, rank > breakEven else { return nil }
    return "two factors of rank \(rank) hold more than the weight; break-even is \(breakEven)"
  }
}
