import Glibc
import ViseCompression

/// Predicted losses of a space's options, from effects that this survey measured.
///
/// Only what this survey measured counts, whatever earlier sessions know: the same space, probe and
/// rounds give the same losses. What is not measured lies on the line in logarithms of noise and loss
/// through the unit's nearest measured options.
public struct OptionLosses: Sendable {
  private let space: SearchSpace
  private let isKept: [[Bool]]
  private let logNoise: [[Double]]
  private var measured: [[Double?]]

  init(space: SearchSpace, sites: [Site]) {
    self.space = space
    isKept = space.units.map { unit in
      unit.options.map { $0.treatments.allSatisfy { $0 == .keep } }
    }
    logNoise = space.units.map { unit in
      unit.options.map { option in
        let noise = zip(unit.sites, option.treatments).reduce(0.0) { total, entry in
          let site = sites[entry.0]
          return entry.1 == .keep
            ? total : total + entry.1.expectedNoise(for: site.shape)
        }
        return log(max(noise, 1e-12))
      }
    }
    measured = space.units.map { $0.options.map { _ in nil } }
  }

  mutating func set(_ loss: Double, unit: Int, option: Int) { measured[unit][option] = loss }

  func isMeasured(unit: Int, option: Int) -> Bool {
    isKept[unit][option] || measured[unit][option] != nil
  }

  /// Options measured so far.
  public var measuredCount: Int { measured.joined().count { $0 != nil } }

  /// Mean KL with only this unit treated, in nats.
  public func loss(unit: Int, option: Int) -> Double {
    if isKept[unit][option] { return 0 }
    if let known = measured[unit][option] { return known }
    let noise = logNoise[unit][option]
    let others = measured[unit].indices.compactMap { index -> (x: Double, y: Double)? in
      guard let loss = measured[unit][index], loss > 0 else { return nil }
      return (logNoise[unit][index], log(loss))
    }.sorted { abs($0.x - noise) < abs($1.x - noise) }
    guard let first = others.first else { return exp(noise) }
    var slope = 1.0
    if let second = others.dropFirst().first(where: { abs($0.x - first.x) > 0.3 }) {
      slope = min(max((second.y - first.y) / (second.x - first.x), 0.4), 2)
    }
    return exp(first.y + slope * (noise - first.x))
  }
}
