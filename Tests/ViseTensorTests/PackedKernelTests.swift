import CViseKernels
import Glibc
import Testing
import ViseTensor

private let packedTypes = StorageType.allCases.filter {
  vise_packed_panel_bytes($0.rawValue, 256) > 0
}

/// Weights, activations and both in the forms the packed kernels take.
private struct PackedCase {
  static let rows = 37, columns = 768, tokens = 11

  let type: StorageType
  let bytes: [UInt8]
  let x: [Float]
  let activations: [UInt8]
  let activationBytes: Int

  init(_ type: StorageType, variant: Int32 = 0) throws {
    self.type = type
    var numbers = TestNumbers(seed: 5)
    var weights = numbers.floats(Self.rows * Self.columns, limit: 0.1)
    for index in stride(from: 7, to: weights.count, by: 61) { weights[index] *= 20 }
    x = numbers.floats(Self.tokens * Self.columns, limit: 3).enumerated().map {
      // A block of zeros, and an outlier.
      $0.offset < 256 ? 0 : $0.offset == 700 ? 90 : $0.element
    }
    var bytes = [UInt8](
      repeating: 0, count: try #require(type.byteCount(elements: weights.count)))
    let status = vise_ggml_encode_rows(
      type.rawValue, weights, &bytes, Int64(Self.rows), Int64(Self.columns), nil)
    #expect(status == 0)
    self.bytes = bytes
    activationBytes = Int(vise_packed_activation_bytes(type.rawValue, Int64(Self.columns)))
    var activations = [UInt8](repeating: 0, count: Self.tokens * activationBytes)
    vise_packed_activations_variant(
      variant, type.rawValue, x, Int64(Self.tokens), Int64(Self.columns), &activations)
    self.activations = activations
  }

  var rowBytes: Int { bytes.count / Self.rows }

  /// Products by the definition, tokens × rows.
  func reference() -> [Float] {
    (0..<Self.tokens * Self.rows).map { index in
      let (token, row) = index.quotientAndRemainder(dividingBy: Self.rows)
      return bytes.withUnsafeBytes { bytes in
        activations.withUnsafeBytes { activations in
          vise_packed_dot_reference(
            type.rawValue, bytes.baseAddress.map { $0 + row * rowBytes }, Int64(Self.columns),
            activations.baseAddress.map { $0 + token * activationBytes })
        }
      }
    }
  }

  func product(variant: Int32) -> [Float] {
    let panelBytes = Int(vise_packed_panel_bytes(type.rawValue, Int64(Self.columns)))
    let panels = ByteBuffer(count: (Self.rows + 15) / 16 * panelBytes)
    bytes.withUnsafeBytes { bytes in
      for first in stride(from: 0, to: Self.rows, by: 16) {
        vise_packed_fill(
          type.rawValue, bytes.baseAddress.map { $0 + first * rowBytes }, Int64(rowBytes),
          Int64(min(16, Self.rows - first)), Int64(Self.columns),
          panels.slice(first / 16 * panelBytes, count: panelBytes).baseAddress)
      }
    }
    var y = [Float](repeating: .nan, count: Self.tokens * Self.rows)
    vise_packed_multiply_variant(
      variant, type.rawValue, panels.bytes.baseAddress, Int64(Self.rows), Int64(Self.columns),
      activations, Int64(Self.tokens), &y, Int64(Self.rows))
    return y
  }
}

@Test func twelveTypesHavePackedProducts() {
  #expect(packedTypes.count == 12)
}

@Test(arguments: packedTypes)
func everyVariantOfAPackedProductEqualsItsDefinition(type: StorageType) throws {
  let packed = try PackedCase(type)
  let expected = packed.reference()
  for variant in 0...vise_packed_best_variant() {
    #expect(packed.product(variant: variant) == expected, "variant \(variant)")
  }
}

@Test(arguments: packedTypes)
func everyVariantRoundsActivationsAlike(type: StorageType) throws {
  let expected = try PackedCase(type).activations
  for variant in 1...max(1, vise_packed_best_variant()) {
    #expect(try PackedCase(type, variant: variant).activations == expected)
  }
}

@Test(arguments: packedTypes)
func aPackedProductIsTheOneOfDecodedWeightsAndRoundedActivations(type: StorageType) throws {
  let packed = try PackedCase(type)
  let columns = PackedCase.columns
  var weights = [Float](repeating: .nan, count: PackedCase.rows * columns)
  #expect(vise_ggml_decode(type.rawValue, packed.bytes, &weights, Int64(weights.count)) == 0)
  var x = packed.x
  let rounding = type.blockLength == 32 ? StorageType.q8_0 : .q8_K
  #expect(vise_round_activations(rounding.rawValue, &x, Int64(x.count)) == 0)
  for (index, value) in packed.reference().enumerated() {
    let (token, row) = index.quotientAndRemainder(dividingBy: PackedCase.rows)
    var (sum, size) = (0.0, 0.0)
    for column in 0..<columns {
      let term = Double(weights[row * columns + column]) * Double(x[token * columns + column])
      sum += term
      size += abs(term)
    }
    // Minima are taken away after the sum, which cancels up to a tenth of its size.
    #expect(abs(Double(value) - sum) <= 4e-6 * size, "token \(token), row \(row)")
  }
}

/// Rows of which two of any four columns are kept, and one row that keeps none.
private struct SparseCase {
  static let (rows, columns, tokens) = (37, 768, 11)
  let bytes: [UInt8]
  let rowBytes: Int

  init(_ type: StorageType, kept: Int = 2, seed: UInt64 = 3) throws {
    var numbers = TestNumbers(seed: seed)
    var weights = numbers.floats(Self.rows * Self.columns, limit: 0.1)
    let order = numbers.floats(weights.count, limit: 1)
    for start in stride(from: 0, to: weights.count, by: 4) {
      let isEmpty = start / Self.columns == 5
      let places = (start..<start + 4).sorted { order[$0] < order[$1] }
      for place in places.dropFirst(isEmpty ? 0 : kept) { weights[place] = 0 }
    }
    var bytes = [UInt8](
      repeating: 0, count: try #require(type.byteCount(elements: weights.count)))
    let status = vise_ggml_encode_rows(
      type.rawValue, weights, &bytes, Int64(Self.rows), Int64(Self.columns), nil)
    #expect(status == 0)
    self.bytes = bytes
    rowBytes = bytes.count / Self.rows
  }
}

@Test(arguments: [StorageType.q4_0, .q8_0])
func everyVariantOfASparseProductEqualsTheDenseDefinition(type: StorageType) throws {
  let sparse = try SparseCase(type)
  let (rows, columns, tokens) = (SparseCase.rows, SparseCase.columns, SparseCase.tokens)
  let panelBytes = Int(vise_sparse_panel_bytes(type.rawValue, Int64(columns)))
  #expect(panelBytes < Int(vise_packed_panel_bytes(type.rawValue, Int64(columns))))
  let panels = ByteBuffer(count: (rows + 15) / 16 * panelBytes)
  for first in stride(from: 0, to: rows, by: 16) {
    sparse.bytes.withUnsafeBytes { bytes in
      vise_sparse_fill(
        type.rawValue, bytes.baseAddress.map { $0 + first * sparse.rowBytes },
        Int64(sparse.rowBytes), Int64(min(16, rows - first)), Int64(columns),
        panels.slice(first / 16 * panelBytes, count: panelBytes).baseAddress)
    }
  }
  let activationBytes = Int(vise_packed_activation_bytes(type.rawValue, Int64(columns)))
  var activations = [UInt8](repeating: 0, count: tokens * activationBytes)
  var numbers = TestNumbers(seed: 4)
  let x = numbers.floats(tokens * columns, limit: 3)
  vise_packed_activations(type.rawValue, x, Int64(tokens), Int64(columns), &activations)
  let expected: [Float] = (0..<tokens * rows).map { index in
    sparse.bytes.withUnsafeBytes { bytes in
      activations.withUnsafeBytes { activations in
        vise_packed_dot_reference(
          type.rawValue, bytes.baseAddress.map { $0 + index % rows * sparse.rowBytes },
          Int64(columns), activations.baseAddress.map { $0 + index / rows * activationBytes })
      }
    }
  }
  for variant in 0...vise_sparse_best_variant() {
    var y = [Float](repeating: .nan, count: tokens * rows)
    vise_sparse_multiply_variant(
      variant, type.rawValue, panels.bytes.baseAddress, Int64(rows), Int64(columns), activations,
      Int64(tokens), &y, Int64(rows))
    #expect(y == expected, "variant \(variant)")
  }
}

@Test(arguments: [StorageType.q4_0, .q8_0], [1, 2, 3])
func onlyRowsThatKeepTwoOfFourFit(type: StorageType, kept: Int) throws {
  let sparse = try SparseCase(type, kept: kept)
  let fits = vise_sparse_fits(
    type.rawValue, sparse.bytes, Int64(sparse.rowBytes), Int64(SparseCase.rows),
    Int64(SparseCase.columns))
  #expect((fits == 1) == (kept <= 2))
}

@Test(arguments: packedTypes)
func onlyTypesThatKeepZerosHaveSparseProducts(type: StorageType) {
  let isSparse = vise_sparse_panel_bytes(type.rawValue, 256) > 0
  #expect(isSparse == [.q4_0, .q8_0].contains(type))
  #expect(vise_sparse_panel_bytes(type.rawValue, 40) == 0)
}

@Test func attentionOfOnePositionIsTheWeightedMeanOfValues() {
  let (heads, length, stride, count) = (3, 40, 96, 29)
  let (valueLength, valueStride) = (24, 70)
  var numbers = TestNumbers(seed: 9)
  let q = numbers.floats(heads * length, limit: 1)
  let keys = numbers.floats(stride * count, limit: 1)
  let values = numbers.floats(valueStride * count, limit: 1)
  var scores = [Float](repeating: 0, count: heads * count)
  var y = [Float](repeating: .nan, count: heads * valueLength)
  vise_attend_heads(
    q, Int64(heads), Int64(length), keys, Int64(stride), Int64(valueLength), values,
    Int64(valueStride), Int64(count), 0.3, &scores, &y)
  for head in 0..<heads {
    let products = (0..<count).map { position in
      (0..<length).reduce(0.0) {
        $0 + Double(q[head * length + $1]) * Double(keys[position * stride + $1])
      }
    }
    let weights = products.map { exp(0.3 * $0) }
    for feature in 0..<valueLength {
      let mean =
        (0..<count).reduce(0.0) { $0 + weights[$1] * Double(values[$1 * valueStride + feature]) }
        / weights.reduce(0, +)
      #expect(abs(Double(y[head * valueLength + feature]) - mean) < 1e-6)
    }
  }
}
