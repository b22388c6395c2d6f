public import ViseTensor

/// Integers with a thin product beside them that takes up what rounding leaves: W ≈ Q + L·R.
///
/// The low-rank branch of LQ-LoRA (Guo et al., arXiv:2311.12023, section 3.1) and LoftQ
/// (arXiv:2310.08659), chosen by `LowRankBranch`. Parts: those of `IntegerFormat` for Q; `left` F16
/// [rows, rank] and `right` F16 [rank, columns]. x̂ = Q + Σ_k left[i, k]·right[k, j], each product
/// and sum rounded to float32, k from 0, the sum added to Q in the end.
public struct BranchFormat: WeightCodec {
  public let integers: IntegerFormat
  public let rank: Int

  public init(integers: IntegerFormat, rank: Int) {
    precondition(rank > 0)
    self.integers = integers
    self.rank = rank
  }

  /// `lq4:r16`: four bits and rank 16, with the options of `int4`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("lq"), let bits = Int(base.dropFirst(2)), base == "lq\(bits)",
      let option = options.first, option.hasPrefix("r"), let rank = Int(option.dropFirst()),
      (1...4096).contains(rank), option == "r\(rank)",
      let integers = IntegerFormat(base: "int\(bits)", options: Array(options.dropFirst()))
    else { return nil }
    self.init(integers: integers, rank: rank)
  }

  public var name: String {
    "lq\(integers.bits):r\(rank)" + integers.name.dropFirst("int\(integers.bits)".count)
  }

  /// Without the branch, whose share falls with both sides of the weight.
  public var bitsPerWeight: Double { integers.bitsPerWeight }

  public var methods: Set<Method> { [.best, .roundToNearest, .weighted, .gptq] }

  public func misfit(columns: Int) -> String? {
    columns > rank ? nil : "\(name) needs rows of more than \(rank) columns"
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    integers.layout(rows: rows, columns: columns) + [
      WeightPart(name: "left", type: .float16, shape: [rows, rank]),
      WeightPart(name: "right", type: .float16, shape: [rank, columns]),
    ]
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    try LowRankBranch(format: self).encode(weight.finiteCopy(), importance: importance, work: work)
  }

  /// Integers and branch as one stored weight; the branch has the rank or less.
  func joined(_ encoded: EncodedWeight, _ branch: LowRankFactors) -> EncodedWeight {
    let result = EncodedWeight(rows: encoded.rows, columns: encoded.columns, codec: self)
    for part in encoded.parts {
      result.bytes(part.part.name).storage.copyMemory(from: part.bytes.bytes)
    }
    let (found, columns) = (branch.left.columns, encoded.columns)
    withExtendedLifetime(branch) {
      result.write(half: "left") {
        $0 % rank < found ? branch.left.row($0 / rank)[$0 % rank] : 0
      }
      result.write(half: "right") {
        $0 / columns < found ? branch.right.row($0 / columns)[$0 % columns] : 0
      }
    }
    return result
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let layout = integers.layout(rows: encoded.rows, columns: encoded.columns)
    let values = try integers.decode(
      EncodedWeight(
        rows: encoded.rows, columns: encoded.columns,
        parts: layout.map { EncodedWeight.Part($0, bytes: encoded.bytes($0.name)) }), work: work)
    try add(left: encoded.halves("left"), right: encoded.halves("right"), to: values, work: work)
    return values
  }

  /// Adds the product to `values` in the order readers have.
  func add(left: [Float], right: [Float], to values: Matrix, work: RowWork) throws {
    let columns = values.columns
    try work.forEachChunk(rows: values.rows, columns: columns) { rows in
      var sums = [Float](repeating: 0, count: columns)
      for row in rows {
        for column in 0..<columns { sums[column] = 0 }
        right.withUnsafeBufferPointer { right in
          for term in 0..<rank {
            let (factor, first) = (left[row * rank + term], term * columns)
            for column in 0..<columns { sums[column] += factor * right[first + column] }
          }
        }
        let y = values.row(row)
        for column in 0..<columns { y[column] += sums[column] }
      }
    }
  }
}
