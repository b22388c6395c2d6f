/// Small Hadamard matrices by Paley's constructions: entries ±1, H·Hᵀ = order·I.
///
/// Paley, "On orthogonal matrices" (1933): from the quadratic residues modulo a prime q, one of
/// order q + 1 where q ≡ 3 (mod 4), one of order 2(q + 1) where q ≡ 1 (mod 4).
enum HadamardBase {
  /// Rows larger than this as a base cost more than a block-diagonal transform saves.
  static let largestOrder = 256

  /// The matrix of `order` row by row, or `nil` where neither construction gives one.
  static func entries(order: Int) -> [Float]? {
    switch order {
    case 1: return [1]
    case 2: return [1, 1, 1, -1]
    default: break
    }
    guard order % 4 == 0, order <= largestOrder else { return nil }
    if isPrime(order - 1) { return first(prime: order - 1) }
    let half = order / 2 - 1
    return half % 4 == 1 && isPrime(half) ? second(prime: half) : nil
  }

  /// I + S, where S borders the residue matrix with a row of 1 and a column of −1.
  private static func first(prime q: Int) -> [Float] {
    let order = q + 1
    let character = residueCharacter(q)
    var result = [Float](repeating: 1, count: order * order)
    for row in 1..<order {
      result[row * order] = -1
      for column in 1..<order where row != column {
        result[row * order + column] = character[(column - row + q) % q]
      }
    }
    return result
  }

  /// The symmetric conference matrix with each 0 and ±1 replaced by a 2 × 2 block.
  private static func second(prime q: Int) -> [Float] {
    let size = q + 1
    let order = 2 * size
    let character = residueCharacter(q)
    var result = [Float](repeating: 0, count: order * order)
    for row in 0..<size {
      for column in 0..<size {
        let isBorder = row == 0 || column == 0
        let sign: Float = isBorder ? 1 : character[(column - row + q) % q]
        let block: [Float] =
          row == column ? [1, -1, -1, -1] : [sign, sign, sign, -sign]
        for index in 0..<4 {
          result[(2 * row + index / 2) * order + 2 * column + index % 2] = block[index]
        }
      }
    }
    return result
  }

  /// 0 at 0, 1 at the squares modulo q, −1 elsewhere.
  private static func residueCharacter(_ q: Int) -> [Float] {
    var character = [Float](repeating: -1, count: q)
    character[0] = 0
    for root in 1..<q { character[root * root % q] = 1 }
    return character
  }

  private static func isPrime(_ n: Int) -> Bool {
    n >= 2 && !(2..<n).prefix { $0 * $0 <= n }.contains { n % $0 == 0 }
  }
}
