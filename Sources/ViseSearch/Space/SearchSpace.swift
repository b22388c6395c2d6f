public import ViseCompression

/// One way to treat a unit: a treatment for each of its sites.
public struct SearchOption: Hashable, Sendable {
  /// In the order of the unit's sites; `keep` leaves a site as the file has it.
  public let treatments: [Treatment]

  public init(treatments: [Treatment]) {
    self.treatments = treatments
  }
}

/// Sites that are treated alike, most often one.
public struct SearchUnit: Hashable, Sendable {
  /// Indices of the sites in the model.
  public let sites: [Int]
  public let options: [SearchOption]

  public init(sites: [Int], options: [SearchOption]) {
    precondition(!sites.isEmpty && !options.isEmpty)
    precondition(options.allSatisfy { $0.treatments.count == sites.count })
    self.sites = sites
    self.options = options
  }
}

/// What a search chooses among: options of units, on top of a plan that stands.
public struct SearchSpace: Hashable, Sendable {
  /// Treatments of the sites that are not chosen for.
  public let base: Plan
  public let units: [SearchUnit]
  public let siteNames: [String]

  public init(base: Plan, units: [SearchUnit], siteNames: [String]) {
    self.base = base
    self.units = units
    self.siteNames = siteNames
  }

  /// The plan with option `choice[i]` at unit i.
  public func plan(_ choice: [Int]) -> Plan {
    precondition(choice.count == units.count)
    var plan = base
    for (unit, index) in zip(units, choice) { set(unit, unit.options[index], &plan) }
    return plan
  }

  /// The plan with one unit treated and nothing else chosen.
  func plan(unit: Int, option: Int) -> Plan {
    var plan = base
    set(units[unit], units[unit].options[option], &plan)
    return plan
  }

  private func set(_ unit: SearchUnit, _ option: SearchOption, _ plan: inout Plan) {
    for (site, treatment) in zip(unit.sites, option.treatments) {
      plan[siteNames[site]] = treatment
    }
  }

  /// The choice `plan` makes; `nil` where it treats some unit as no option does.
  public func choice(of plan: Plan) -> [Int]? {
    var choice: [Int] = []
    for unit in units {
      let wanted = unit.sites.map { plan[siteNames[$0]] }
      guard let index = unit.options.firstIndex(where: { $0.treatments == wanted }) else {
        return nil
      }
      choice.append(index)
    }
    return choice
  }
}
