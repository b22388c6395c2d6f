import Glibc

/// How often symbols occur, in 4,096ths: the model of an entropy coder.
public struct SymbolFrequencies: Hashable, Sendable {
  /// The frequencies' sum is 2 to this power.
  public static let scaleBits = 12

  /// By symbol; symbols that occur have at least 1.
  public let frequencies: [UInt16]

  /// Rounds the counts of `symbols`, all below `alphabet`, which is at most 256.
  public init(of symbols: UnsafeBufferPointer<UInt8>, alphabet: Int) {
    precondition((1...256).contains(alphabet))
    var counts = [Int](repeating: 0, count: 256)
    for symbol in symbols { counts[Int(symbol)] += 1 }
    precondition(counts[alphabet...].allSatisfy { $0 == 0 }, "a symbol outside the alphabet")
    self.init(counts: Array(counts[..<alphabet]))
  }

  /// Frequencies nearest in proportion, their rounding made up by the symbols it costs least.
  init(counts: [Int]) {
    let total = counts.reduce(0, +)
    let scale = 1 << Self.scaleBits
    guard total > 0 else {
      frequencies = counts.indices.map { $0 == 0 ? UInt16(scale) : 0 }
      return
    }
    var rounded = counts.map { count in
      count == 0 ? 0 : max(1, Int((Double(count) * Double(scale) / Double(total)).rounded()))
    }
    var missing = scale - rounded.reduce(0, +)
    while missing != 0 {
      let step = missing > 0 ? 1 : -1
      // The bits a change costs: count · log₂(before / after).
      let candidates = counts.indices.filter { counts[$0] > 0 && (step > 0 || rounded[$0] > 1) }
      let cheapest = candidates.min { a, b in
        Double(counts[a]) * log2(Double(rounded[a]) / Double(rounded[a] + step))
          < Double(counts[b]) * log2(Double(rounded[b]) / Double(rounded[b] + step))
      }
      guard let cheapest else { break }
      rounded[cheapest] += step
      missing -= step
    }
    frequencies = rounded.map { UInt16($0) }
  }

  /// From stored frequencies; `nil` where they do not add up.
  public init?(frequencies: [UInt16]) {
    guard (1...256).contains(frequencies.count),
      frequencies.reduce(0, { $0 + Int($1) }) == 1 << Self.scaleBits
    else { return nil }
    self.frequencies = frequencies
  }

  /// The sum of the frequencies before each symbol.
  var starts: [UInt32] {
    var sum: UInt32 = 0
    return frequencies.map { frequency in
      defer { sum += UInt32(frequency) }
      return sum
    }
  }

  /// −Σ p·log₂ p of counts: the least bits a symbol of a coder that knows only frequencies.
  public static func entropy(counts: [Int]) -> Double {
    let total = Double(counts.reduce(0, +))
    return counts.reduce(0.0) { sum, count in
      guard count > 0 else { return sum }
      let p = Double(count) / total
      return sum - p * log2(p)
    }
  }
}
