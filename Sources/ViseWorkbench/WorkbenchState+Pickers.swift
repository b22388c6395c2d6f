public import ViseCompression
public import ViseEstimates

extension WorkbenchState {
  mutating func openFormats() {
    let targets = targets
    let choices = formatChoices(for: targets)
    let current = targets.first.flatMap { document.plan[sites[$0].name].format }
    let cursor = choices.firstIndex { $0.format == current } ?? 0
    overlay = .formats(FormatPicker(targets: targets, choices: choices, cursor: cursor))
  }

  /// Brings an open format list up to what is known now.
  mutating func refreshFormats() {
    guard case .formats(var picker)? = overlay else { return }
    picker.choices = formatChoices(for: picker.targets)
    overlay = .formats(picker)
  }

  private func formatChoices(for targets: [Int]) -> [FormatChoice] {
    let isOfGraph = targets.contains { sites[$0].role.isOfGraph }
    return [choice(nil, .stored, targets)]
      + FormatGroup.allCases.flatMap { group in
        (isOfGraph ? group.graphFormats : group.formats).map { choice($0, group, targets) }
      }
  }

  private func choice(
    _ format: NumberFormat?, _ group: FormatGroup, _ targets: [Int]
  ) -> FormatChoice {
    let intent: EditIntent = format.map { .format($0) } ?? .storedFormat
    var (bytes, substituted, refused) = (0, 0, 0)
    var (reason, restriction): (String?, String?) = (nil, nil)
    for index in targets {
      let site = sites[index]
      switch outcome(of: intent, for: site) {
      case .choice(let choice, let why):
        let treatment = document.plan.completed(choice.treatment, for: site)
        bytes += summary?.sizeModel.byteCount(of: site, under: treatment) ?? 0
        if !site.role.isOfGraph {
          restriction = restriction ?? choice.treatment.ggufRestriction(for: site)
        }
        guard let why, let used = choice.treatment.format else { continue }
        substituted += 1
        reason = reason ?? "\(used.name) instead: \(why)"
      case .refused(let why):
        refused += 1
        reason = reason ?? why
      case .unchanged: bytes += byteCount(of: site)
      }
    }
    return FormatChoice(
      group: group, format: format, byteCount: refused == targets.count ? nil : bytes,
      effect: format == nil ? nil : effect(of: intent, on: targets), substituted: substituted,
      refused: refused, reason: reason, ggufRestriction: restriction)
  }

  /// Divergence of all `targets` under `intent`, in nats; known where measured for a single one.
  private func effect(of intent: EditIntent, on targets: [Int]) -> Estimate? {
    var sum = 0.0
    for index in targets {
      guard case .choice(let choice, _) = outcome(of: intent, for: sites[index]),
        let effect = effect(of: sites[index], under: choice.treatment)
      else { return nil }
      if targets.count == 1 { return effect }
      sum += effect.value
    }
    return targets.isEmpty ? nil : Estimate(value: sum, provenance: .prior)
  }

  /// Divergence of the model with only `site` treated so.
  ///
  /// Where it is not known, that of the treatment known of the same site whose expected noise is
  /// nearest stands in, in proportion to the noise.
  public func effect(of site: Site, under treatment: Treatment) -> Estimate? {
    guard let known = sensitivities[site.index] else { return nil }
    if let effect = known[treatment] { return effect }
    func noise(_ treatment: Treatment) -> Double {
      treatment.expectedNoise(for: site.shape)
    }
    let wanted = noise(treatment)
    func distance(_ other: Double) -> Double { max(other / wanted, wanted / other) }
    let scaled = known.map { (noise: noise($0.key), value: $0.value.value, name: $0.key.name) }
    let nearest = scaled.min {
      (distance($0.noise), $0.name) < (distance($1.noise), $1.name)
    }
    return nearest.map {
      Estimate(value: $0.value * wanted / $0.noise, provenance: .prior)
    }
  }

  /// Bytes of `site` in the file it is exported to; `nil` where the treatment does not fit its rows.
  public func storedByteCount(of site: Site, under treatment: Treatment) -> Int? {
    let completed = document.plan.completed(treatment, for: site)
    guard let own = completed.byteCount(for: site) else { return nil }
    return site.role.isOfGraph
      ? summary?.sizeModel.byteCount(of: site, under: completed) ?? own : own
  }

  /// Bytes of the exported file once `choice` is made.
  public func fileByteCount(choosing choice: FormatChoice, for targets: [Int]) -> Int? {
    var plan = document.plan
    for index in targets {
      let site = sites[index]
      guard case .choice(let made, _) = outcome(of: choice.intent, for: site) else { continue }
      plan[site.name] = made.treatment
    }
    return summary?.sizeModel.byteCount(of: plan)
  }

  mutating func perform(_ command: Command, in picker: FormatPicker) -> [WorkbenchEffect] {
    var picker = picker
    let last = picker.choices.count - 1
    switch command {
    case .moveUp: picker.cursor = max(picker.cursor - 1, 0)
    case .moveDown: picker.cursor = min(picker.cursor + 1, last)
    case .pageUp: picker.cursor = max(picker.cursor - 10, 0)
    case .pageDown: picker.cursor = min(picker.cursor + 10, last)
    case .back:
      overlay = nil
      return []
    case .confirm:
      overlay = nil
      return edit(picker.choices[picker.cursor].intent)
    default: return []
    }
    overlay = .formats(picker)
    return []
  }
}

extension WorkbenchState {
  /// Every method that could suit one of the targets, stage by stage.
  var methodChoices: [MethodChoice] {
    var seen: Set<MethodChoice> = []
    let all = targets.flatMap { MethodChoice.choices(for: document.plan[sites[$0].name]) }
    let found = all.filter { seen.insert($0).inserted }
    return ["values", "pruning", "factors"].flatMap { stage in
      found.filter { $0.stage == stage }
    }
  }

  mutating func openMethods() {
    let targets = targets
    let options = methodChoices.map { option($0, targets) }
    let cursor = options.firstIndex { $0.current > 0 } ?? 0
    overlay = .methods(MethodPicker(targets: targets, options: options, cursor: cursor))
  }

  private func option(_ choice: MethodChoice, _ targets: [Int]) -> MethodOption {
    var (current, accepted) = (0, 0)
    var reason: String?
    for index in targets {
      let site = sites[index]
      let now = document.plan[site.name]
      if choice.applied(to: now) == now { current += 1 }
      switch outcome(of: .method(choice), for: site) {
      case .choice: accepted += 1
      case .refused(let why): reason = reason ?? why
      case .unchanged: break
      }
    }
    return MethodOption(choice: choice, current: current, accepted: accepted, reason: reason)
  }

  mutating func perform(_ command: Command, in picker: MethodPicker) -> [WorkbenchEffect] {
    var picker = picker
    switch command {
    case .moveUp: picker.cursor = max(picker.cursor - 1, 0)
    case .moveDown: picker.cursor = min(picker.cursor + 1, picker.options.count - 1)
    case .back:
      overlay = nil
      return []
    case .confirm:
      overlay = nil
      return edit(.method(picker.options[picker.cursor].choice))
    default: return []
    }
    overlay = .methods(picker)
    return []
  }
}
