import Glibc
import Synchronization
import ViseTensor

/// Cosines and sines of rotary embeddings, made once and shared by all workers.
public final class RopeTableCache: Sendable {
  private struct Key: Hashable {
    let table: RopeTable
    let positions: Int
  }

  private let tables = Mutex<[Key: FloatBuffer]>([:])

  public init() {}

  /// For each position from 0, rotary/2 (cos, sin) pairs.
  func table(_ table: RopeTable, positions: Int, divisors: Matrix?) -> FloatBuffer {
    let key = Key(table: table, positions: positions)
    if let found = tables.withLock({ $0[key] }) { return found }
    let made = Self.make(table, positions: positions, divisors: divisors)
    tables.withLock { $0[key] = made }
    return made
  }

  /// angle(p, i) = p / positionScale · base^(−2i/rotary) / divisor(i).
  ///
  /// Equation 15 of arXiv:2104.09864, with the two ways to scale it.
  private static func make(_ table: RopeTable, positions: Int, divisors: Matrix?) -> FloatBuffer {
    let pairs = table.rotary / 2
    let buffer = FloatBuffer(count: positions * pairs * 2)
    for pair in 0..<pairs {
      let exponent = -2 * Double(pair) / Double(table.rotary)
      var frequency = pow(Double(table.base), exponent)
      if let llama3 = table.llama3 {
        frequency /= llama3.divisor(waveLength: 2 * .pi / frequency)
      }
      frequency /= Double(table.positionScale)
      if let divisors, pair < divisors.count {
        frequency /= withExtendedLifetime(divisors) { Double($0.pointer[pair]) }
      }
      for position in 0..<positions {
        let angle = Double(position) * frequency
        buffer.pointer[(position * pairs + pair) * 2] = Float(cos(angle))
        buffer.pointer[(position * pairs + pair) * 2 + 1] = Float(sin(angle))
      }
    }
    return buffer
  }
}
