import Glibc
import ViseTensor

/// K best sets of options for each window of blocks, measured together, and combined.
///
/// Units of consecutive blocks form a window. Of each window K sets are measured with all else at the
/// best plan so far, so what blocks of a window do to each other is in the figures; the sets are then
/// combined by a knapsack over windows, and the combination starts the next round (MoE-I²,
/// arXiv:2411.01016, section 3: KT-reception field).
public struct WindowCombination: SearchStrategy {
  private let problem: SearchProblem
  /// Units of each window.
  private let windows: [[Int]]
  private let setCount: Int
  private var center: [Int]?
  private var centerLoss = Double.infinity
  /// What was proposed: the window and the set's options there.
  private var asked: [(window: Int, options: [Int])] = []
  /// Measured losses of sets, less the center's.
  private var gains: [[[Int]: Double]]
  private var combined: [Int]?
  private var tried: Set<[Int]> = []
  private var round = 0
  private var random: RandomSource

  /// Doublings of the price between the budget's and that of the first round's sets.
  private static let priceStep = 1.6
  /// Standard deviation of the logarithm of factors that predictions are taken to be off by.
  private static let doubt = 0.4

  /// - Parameters:
  ///   - span: blocks of a window.
  ///   - setCount: sets of a window that are measured in a round.
  public init(_ problem: SearchProblem, seed: UInt64, span: Int = 4, setCount: Int = 4) {
    self.problem = problem
    self.setCount = setCount
    random = RandomSource(seed: seed)
    windows = Self.windows(problem, span: span)
    gains = windows.map { _ in [:] }
  }

  private static func windows(_ problem: SearchProblem, span: Int) -> [[Int]] {
    var groups: [Int: [Int]] = [:]
    for (unit, block) in problem.blocks.enumerated() {
      groups[block.map { $0 / span } ?? -1, default: []].append(unit)
    }
    return groups.sorted { $0.key < $1.key }.map(\.value)
  }

  /// - Throws: `AllocationError` where the limits cannot be met.
  public mutating func propose() throws -> [Candidate] {
    asked = []
    guard let center else {
      return [problem.full(try PredictedOptimum.allocate(problem.allocation).choice)]
    }
    if let combined {
      return [problem.full(combined)]
    }
    let prices = LagrangianAllocator().multipliers(for: problem.allocation)
    for (index, units) in windows.enumerated() {
      for options in sets(of: units, around: center, prices) where gains[index][options] == nil {
        let isAsked = asked.contains { $0 == (index, options) }
        guard !isAsked, options != units.map({ center[$0] }) else { continue }
        asked.append((index, options))
      }
    }
    return asked.map { entry in
      var choice = center
      for (unit, option) in zip(windows[entry.window], entry.options) { choice[unit] = option }
      return problem.full(choice)
    }
  }

  public mutating func observe(_ outcomes: [Outcome]) {
    if center == nil || combined != nil {
      guard let outcome = outcomes.first else { return }
      tried.insert(outcome.candidate.choice)
      combined = nil
      round += 1
      if outcome.loss < centerLoss {
        center = outcome.candidate.choice
        centerLoss = outcome.loss
        gains = windows.map { _ in [:] }
      }
      return
    }
    for (entry, outcome) in zip(asked, outcomes) where outcome.loss.isFinite {
      gains[entry.window][entry.options] = outcome.loss - centerLoss
    }
    combined = combination().flatMap { tried.contains($0) ? nil : $0 }
  }

  /// A window's best sets at a higher and a lower price, then those of equal cost that would be best if
  /// predictions were off by random factors; each round draws others.
  private mutating func sets(of units: [Int], around center: [Int], _ prices: [Double]) -> [[Int]] {
    let window = AllocationProblem(
      units: units.map { problem.allocation.units[$0] },
      limits: costs(of: units, units.map { center[$0] }))
    let step = Self.priceStep / Double(1 + round / 2)
    var sets = [exp2(step), exp2(-step)].map { factor in
      LagrangianAllocator.choice(window, prices.map { $0 * factor })
    }
    for _ in 2..<max(setCount, 3) {
      let drawn = window.withLosses { unit, option in
        window.units[unit][option].loss * exp(Self.doubt * random.nextGaussian())
      }
      if let set = try? LagrangianAllocator().allocate(drawn).choice { sets.append(set) }
    }
    return sets
  }

  /// The best of the measured sets together, by their gains added up.
  private func combination() -> [Int]? {
    guard let center else { return nil }
    let choices = windows.enumerated().map { index, units in
      [(options: units.map { center[$0] }, gain: 0.0)]
        + gains[index].map { (options: $0.key, gain: $0.value) }
        .sorted { $0.options.lexicographicallyPrecedes($1.options) }
    }
    // Losses of options are at least 0: gains count from each window's best.
    let units = zip(windows, choices).map { units, sets -> [AllocationProblem.Option] in
      let least = sets.map(\.gain).min() ?? 0
      return sets.map { set in
        AllocationProblem.Option(loss: set.gain - least, costs: costs(of: units, set.options))
      }
    }
    let whole = AllocationProblem(units: units, limits: problem.allocation.limits)
    guard let best = try? PredictedOptimum.allocate(whole).choice else { return nil }
    var choice = center
    for (index, units) in windows.enumerated() {
      for (unit, option) in zip(units, choices[index][best[index]].options) {
        choice[unit] = option
      }
    }
    ChoiceRepair(problem.allocation).improve(&choice)
    return choice
  }

  private func costs(of units: [Int], _ options: [Int]) -> [Double] {
    problem.allocation.limits.indices.map { resource in
      zip(units, options).reduce(0) { total, pair in
        total + problem.allocation.units[pair.0][pair.1].costs[resource]
      }
    }
  }
}
