import ViseTensor

/// Matrix products.
enum ProductOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("MatMul") { _ in
      { [try matrixProduct($0.required(0), $0.required(1), $1)] }
    },
    OperatorDefinition("Gemm") { node in
      let (alpha, beta) = (
        try node.float("alpha", default: 1), try node.float("beta", default: 1)
      )
      let (transA, transB) = (try node.flag("transA"), try node.flag("transB"))
      return { inputs, context in
        var (a, b) = (try inputs.required(0), try inputs.required(1))
        guard a.rank == 2, b.rank == 2 else {
          throw OperatorFault.shapes("\(a.shape) times \(b.shape)")
        }
        if transA { a = try RearrangingOperators.transposed(a, [1, 0], context) }
        return [
          try Gemm(alpha: alpha, beta: beta, isTransposed: transB).run(a, b, inputs[2], context)
        ]
      }
    },
    OperatorDefinition("Det") { _ in { try [determinants($0.required(0), $1)] } },
  ]

  /// a · b over the last two dimensions, the others broadcast; vectors are rows and columns.
  static func matrixProduct(
    _ a: Tensor, _ b: Tensor, _ context: KernelContext
  ) throws -> Tensor {
    guard a.type == b.type else { throw OperatorFault.unsupportedType(input: 1, b.type) }
    let layout = try ProductLayout(a.shape, b.shape)
    let result = try context.make(a.type, layout.shape)
    switch a.type {
    case .float32: try floatProduct(a, b, layout, result, context)
    default: try a.type.dispatch(PlainProduct(a: a, b: b, layout: layout, result: result))
    }
    return result
  }

  private static func floatProduct(
    _ a: Tensor, _ b: Tensor, _ layout: ProductLayout, _ result: Tensor, _ context: KernelContext
  ) throws {
    let (m, k, n) = (layout.m, layout.k, layout.n)
    guard k > 0, result.count > 0 else {
      result.pointer(Float.self).update(repeating: 0, count: result.count)
      return
    }
    // One matrix for all rows is one product.
    let isShared = b.count == k * n
    let batches = isShared ? 1 : result.count / (m * n)
    let rows = isShared ? result.count / n : m
    let block = max(16, (rows + 7) / 8)
    let blocks = (rows + block - 1) / block
    try context.work.forEachChunk(of: batches * blocks, length: 1) { chunk in
      for item in chunk {
        let (batch, first) = (item / blocks, item % blocks * block)
        let places = isShared ? (a: 0, b: 0) : layout.places(batch)
        BLAS.multiply(
          m: min(block, rows - first), n: n, k: k,
          a: a.pointer(Float.self) + places.a * m * k + first * k, strideA: k,
          b: b.pointer(Float.self) + places.b * k * n, strideB: n,
          c: result.pointer(Float.self) + batch * m * n + first * n, strideC: n)
      }
    }
  }

  private static func determinants(_ x: Tensor, _ context: KernelContext) throws -> Tensor {
    guard x.type == .float32, x.rank >= 2, x.shape[x.rank - 1] == x.shape[x.rank - 2] else {
      throw OperatorFault.shapes("\(x.shape) are no square matrices")
    }
    let order = x.shape[x.rank - 1]
    let result = try context.make(.float32, x.shape.dropLast(2))
    for index in 0..<result.count {
      let start = x.pointer(Float.self) + index * order * order
      result.pointer(Float.self)[index] = determinant(
        (0..<order * order).map { Double(start[$0]) }, order)
    }
    return result
  }

  /// By elimination with the largest pivot of each column.
  private static func determinant(_ values: [Double], _ order: Int) -> Float {
    var (matrix, product) = (values, 1.0)
    for column in 0..<order {
      let pivot = (column..<order).max {
        abs(matrix[$0 * order + column]) < abs(matrix[$1 * order + column])
      }
      guard let pivot, matrix[pivot * order + column] != 0 else { return 0 }
      if pivot != column {
        product = -product
        for i in 0..<order { matrix.swapAt(pivot * order + i, column * order + i) }
      }
      product *= matrix[column * order + column]
      for row in (column + 1)..<max(order, column + 1) {
        let factor = matrix[row * order + column] / matrix[column * order + column]
        for i in column..<order {
          matrix[row * order + i] -= factor * matrix[column * order + i]
        }
      }
    }
    return Float(product)
  }
}

/// The shapes of a product of two tensors of matrices.
struct ProductLayout {
  let m: Int
  let k: Int
  let n: Int
  /// Of the result, without the dimensions that vectors lack.
  let shape: [Int]
  private let walk: StridedWalk
  private let batchPlaces: [(a: Int, b: Int)]

  init(_ a: [Int], _ b: [Int]) throws(OperatorFault) {
    guard let last = a.last, let first = b.count > 1 ? b[b.count - 2] : b.first, last == first
    else { throw .shapes("\(a) times \(b)") }
    k = last
    m = a.count > 1 ? a[a.count - 2] : 1
    n = b.count > 1 ? b[b.count - 1] : 1
    let (outerA, outerB) = (Array(a.dropLast(2)), Array(b.dropLast(2)))
    let outer = try broadcastShape([outerA, outerB])
    shape = outer + (a.count > 1 ? [m] : []) + (b.count > 1 ? [n] : [])
    walk = StridedWalk(
      shape: outer,
      strides: [broadcastStrides(outerA, to: outer), broadcastStrides(outerB, to: outer)])
    var places: [(a: Int, b: Int)] = []
    if Tensor.elementCount(of: shape) ?? 0 > 0 {
      let (length, stepA, stepB) = (walk.innerLength, walk.innerStride(0), walk.innerStride(1))
      walk.forEachRun { _, start in
        for i in 0..<length { places.append((start[0] + i * stepA, start[1] + i * stepB)) }
      }
    }
    batchPlaces = places
  }

  /// Which matrices of the two tensors make the result's matrix `batch`.
  func places(_ batch: Int) -> (a: Int, b: Int) { batchPlaces[batch] }

  var batchCount: Int { batchPlaces.count }
}

/// A product by its definition, for every type; integers wrap around.
struct PlainProduct: NumberVisitor {
  let a: Tensor
  let b: Tensor
  let layout: ProductLayout
  let result: Tensor

  func visit<T: TensorNumber>(_: T.Type) throws {
    let (m, k, n) = (layout.m, layout.k, layout.n)
    for batch in 0..<layout.batchCount {
      let places = layout.places(batch)
      let x = a.pointer(T.self) + places.a * m * k
      let y = b.pointer(T.self) + places.b * k * n
      let target = result.pointer(T.self) + batch * m * n
      for row in 0..<m {
        for column in 0..<n {
          var sum = T.zero
          for i in 0..<k {
            sum = T.wrappingAdd(sum, T.wrappingMultiply(x[row * k + i], y[i * n + column]))
          }
          target[row * n + column] = sum
        }
      }
    }
  }
}

/// alpha · a · op(b) + beta · c for two matrices.
private struct Gemm {
  let alpha: Float
  let beta: Float
  let isTransposed: Bool

  func run(
    _ a: Tensor, _ b: Tensor, _ c: Tensor?, _ context: KernelContext
  ) throws -> Tensor {
    let (m, k) = (a.shape[0], a.shape[1])
    let n = isTransposed ? b.shape[0] : b.shape[1]
    guard (isTransposed ? b.shape[1] : b.shape[0]) == k else {
      throw OperatorFault.shapes("\(a.shape) times \(b.shape)")
    }
    guard a.type == .float32, b.type == .float32, c?.type ?? .float32 == .float32 else {
      return try general(a, b, c, context)
    }
    let result = try context.make(.float32, [m, n])
    if let c {
      guard try broadcastShape([c.shape, [m, n]]) == [m, n] else {
        throw OperatorFault.shapes("\(c.shape) added to \([m, n])")
      }
      try a.type.dispatchWidth(
        StridedCopy(
          source: c, offset: 0, strides: broadcastStrides(c.shape, to: [m, n]), result: result))
    }
    let target = result.pointer(Float.self)
    guard k > 0, m > 0, n > 0 else {
      for i in 0..<result.count { target[i] = c == nil ? 0 : target[i] * beta }
      return result
    }
    let factor = c == nil ? 0 : beta
    if isTransposed {
      BLAS.multiplyTransposed(
        m: m, n: n, k: k, alpha: alpha, a: a.pointer(Float.self), strideA: k,
        b: b.pointer(Float.self), strideB: k, beta: factor, c: target, strideC: n)
    } else {
      BLAS.multiply(
        m: m, n: n, k: k, alpha: alpha, a: a.pointer(Float.self), strideA: k,
        b: b.pointer(Float.self), strideB: n, beta: factor, c: target, strideC: n)
    }
    return result
  }

  /// The same for other types, where the factors are 1.
  private func general(
    _ a: Tensor, _ b: Tensor, _ c: Tensor?, _ context: KernelContext
  ) throws -> Tensor {
    guard alpha == 1, beta == 1 else { throw OperatorFault.unsupportedType(input: 0, a.type) }
    let right = isTransposed ? try RearrangingOperators.transposed(b, [1, 0], context) : b
    let product = try ProductOperators.matrixProduct(a, right, context)
    return try c.map { try ArithmeticOperators.pair(.add, product, $0, context) } ?? product
  }
}
