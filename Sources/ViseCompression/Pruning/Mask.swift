public import ViseTensor

/// Which weights of a site are kept: one bit a weight.
///
/// Whoever makes a mask fills it before sharing it, several threads each rows of their own; after
/// that it is only read.
public struct Mask: Sendable {
  public let rows: Int
  public let columns: Int
  /// Rows begin at whole words; bit j of a row is 1 where column j is kept.
  private let words: ByteBuffer

  /// Makes a mask that keeps nothing yet.
  public init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0)
    self.rows = rows
    self.columns = columns
    words = ByteBuffer(count: rows * Self.rowBytes(columns))
  }

  private static func rowBytes(_ columns: Int) -> Int { (columns + 63) / 64 * 8 }

  private func row(_ row: Int) -> UnsafeMutableBufferPointer<UInt64> {
    let bytes = Self.rowBytes(columns)
    return words.slice(row * bytes, count: bytes).bindMemory(to: UInt64.self)
  }

  /// Whether the weight is kept.
  public subscript(row: Int, column: Int) -> Bool {
    precondition(row >= 0 && row < rows && column >= 0 && column < columns)
    return withExtendedLifetime(words) {
      self.row(row)[column / 64] >> UInt64(column % 64) & 1 == 1
    }
  }

  /// Weights kept of `row`.
  public func keptCount(row: Int) -> Int {
    withExtendedLifetime(words) { self.row(row).reduce(0) { $0 + $1.nonzeroBitCount } }
  }

  /// Weights kept of all.
  public var keptCount: Int { (0..<rows).reduce(0) { $0 + keptCount(row: $1) } }

  /// Keeps in `row` exactly the weights whose number is not 0.
  func fill(row: Int, from kept: UnsafePointer<Float>) {
    withExtendedLifetime(words) {
      let target = self.row(row)
      for word in target.indices {
        var bits: UInt64 = 0
        for bit in 0..<min(64, columns - word * 64) where kept[word * 64 + bit] != 0 {
          bits |= 1 << UInt64(bit)
        }
        target[word] = bits
      }
    }
  }

  /// 1 for each weight of `range` that is kept and 0 for each that is not.
  public func factors(_ range: Range<Int>) -> Matrix {
    let result = Matrix(rows: range.count, columns: columns)
    withExtendedLifetime((words, result)) {
      for row in range {
        let (source, target) = (self.row(row), result.row(row - range.lowerBound))
        for column in 0..<columns {
          target[column] = source[column / 64] >> UInt64(column % 64) & 1 == 1 ? 1 : 0
        }
      }
    }
    return result
  }

  /// `weight` with zeros where nothing is kept.
  public func applied(to weight: Matrix) -> Matrix {
    precondition(weight.rows == rows && weight.columns == columns)
    let result = Matrix(rows: rows, columns: columns)
    withExtendedLifetime((words, weight, result)) {
      for row in 0..<rows {
        let (bits, source, target) = (self.row(row), weight.row(row), result.row(row))
        for column in 0..<columns {
          target[column] = bits[column / 64] >> UInt64(column % 64) & 1 == 1 ? source[column] : 0
        }
      }
    }
    return result
  }
}

extension Mask: Equatable {
  public static func == (a: Mask, b: Mask) -> Bool {
    a.rows == b.rows && a.columns == b.columns && a.words.bytes.elementsEqual(b.words.bytes)
  }
}

/// A weight with zeros where its mask keeps nothing.
public struct PrunedWeight: Sendable {
  public let values: Matrix
  public let mask: Mask

  public init(values: Matrix, mask: Mask) {
    precondition(values.rows == mask.rows && values.columns == mask.columns)
    self.values = values
    self.mask = mask
  }
}
