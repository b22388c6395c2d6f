import Synchronization
import ViseTensor

/// The factorizations used last, so that another rank of the same weight only cuts one.
///
/// Of the sites of one model under one calibration; within a number of bytes, the oldest go first.
public final class DecompositionCache: Sendable {
  /// What a decomposition depends on besides the model and its calibration.
  struct Key: Hashable, Sendable {
    let site: String
    let sparsity: Sparsity?
    let method: FactorizationMethod
  }

  private let byteLimit: Int
  /// The one used last is first.
  private let entries = Mutex<[(key: Key, value: RankedFactors)]>([])

  /// - Parameter byteLimit: what all entries may hold together; larger ones are not kept.
  public init(byteLimit: Int) {
    self.byteLimit = byteLimit
  }

  /// The decomposition of `key`, made where it is not remembered.
  func value(
    for key: Key, make: () throws(LinearAlgebraError) -> RankedFactors
  ) throws(LinearAlgebraError) -> RankedFactors {
    let known = entries.withLock { entries -> RankedFactors? in
      guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
      let entry = entries.remove(at: index)
      entries.insert(entry, at: 0)
      return entry.value
    }
    if let known { return known }
    let made = try make()
    guard made.byteCount <= byteLimit else { return made }
    entries.withLock { entries in
      entries.removeAll { $0.key == key }
      entries.insert((key, made), at: 0)
      var sum = 0
      entries = Array(
        entries.prefix { entry in
          sum += entry.value.byteCount
          return sum <= byteLimit
        })
    }
    return made
  }
}

extension RankedFactors {
  /// Bytes of all numbers.
  var byteCount: Int { (left.count + values.count + right.count) * MemoryLayout<Float>.stride }
}
