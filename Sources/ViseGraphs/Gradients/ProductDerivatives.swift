import ViseTensor

/// Derivatives of matrix products.
enum ProductDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("MatMul") { _ in { try matrixProduct($0, $1) } },
    DerivativeDefinition("Gemm") { node in
      let gemm = GemmDerivative(
        alpha: try node.float("alpha", default: 1), beta: try node.float("beta", default: 1),
        transA: try node.flag("transA"), transB: try node.flag("transB"))
      return { try gemm.run($0, $1) }
    },
  ]

  /// da = dy · bᵀ and db = aᵀ · dy, summed over what was broadcast.
  private static func matrixProduct(
    _ call: DerivativeCall, _ context: KernelContext
  ) throws -> [Tensor?] {
    let (a, b) = (try call.inputs.required(0, .float32), try call.inputs.required(1, .float32))
    let dy = try call.gradient()
    let layout = try ProductLayout(a.shape, b.shape)
    let (k, n) = (layout.k, layout.n)
    let da = call.wants(0) ? try context.zeros(.float32, a.shape) : nil
    let db = call.wants(1) ? try context.zeros(.float32, b.shape) : nil
    guard dy.count > 0, k > 0 else { return [da, db] }
    // One matrix for all rows is one product.
    let isShared = b.count == k * n && dy.count == a.count / k * n
    let m = isShared ? dy.count / n : layout.m
    for batch in 0..<(isShared ? 1 : layout.batchCount) {
      let places = isShared ? (a: 0, b: 0) : layout.places(batch)
      let upper = dy.pointer(Float.self) + batch * m * n
      if let da {
        BLAS.multiply(
          transposesA: false, transposesB: true, m: m, n: k, k: n, a: upper, strideA: n,
          b: b.pointer(Float.self) + places.b * k * n, strideB: n, beta: 1,
          c: da.pointer(Float.self) + places.a * m * k, strideC: k)
      }
      if let db {
        BLAS.multiply(
          transposesA: true, transposesB: false, m: k, n: n, k: m,
          a: a.pointer(Float.self) + places.a * m * k, strideA: k, b: upper, strideB: n, beta: 1,
          c: db.pointer(Float.self) + places.b * k * n, strideC: n)
      }
    }
    return [da, db]
  }
}

/// The gradients of y = alpha · op(a) · op(b) + beta · c.
private struct GemmDerivative {
  let alpha: Float
  let beta: Float
  let transA: Bool
  let transB: Bool

  func run(_ call: DerivativeCall, _ context: KernelContext) throws -> [Tensor?] {
    let (a, b) = (try call.inputs.required(0, .float32), try call.inputs.required(1, .float32))
    let dy = try call.gradient()
    guard a.rank == 2, b.rank == 2, dy.rank == 2 else {
      throw OperatorFault.shapes("\(a.shape) times \(b.shape)")
    }
    let da = call.wants(0) ? try context.zeros(.float32, a.shape) : nil
    let db = call.wants(1) ? try context.zeros(.float32, b.shape) : nil
    let (m, n, k) = (dy.shape[0], dy.shape[1], transA ? a.shape[0] : a.shape[1])
    if m > 0, n > 0, k > 0 {
      if let da { addLeft(dy, b, da, m, n, k) }
      if let db { addRight(dy, a, db, m, n, k) }
    }
    guard call.wants(2), let c = call.inputs[2] else { return [da, db, nil] }
    let sum = try BroadcastGradient.reduced(dy, to: c.shape, context)
    return [
      da, db,
      beta == 1 ? sum : try UnaryLoop.floats(sum, context, { $0 * beta }, { $0 * Double(beta) }),
    ]
  }

  /// dy · op(b)ᵀ, or its transpose where a is stored so.
  private func addLeft(_ dy: Tensor, _ b: Tensor, _ da: Tensor, _ m: Int, _ n: Int, _ k: Int) {
    let (upper, right) = (dy.pointer(Float.self), b.pointer(Float.self))
    if transA {
      BLAS.multiply(
        transposesA: transB, transposesB: true, m: k, n: m, k: n, alpha: alpha, a: right,
        strideA: b.shape[1], b: upper, strideB: n, beta: 1, c: da.pointer(Float.self), strideC: m)
    } else {
      BLAS.multiply(
        transposesA: false, transposesB: !transB, m: m, n: k, k: n, alpha: alpha, a: upper,
        strideA: n, b: right, strideB: b.shape[1], beta: 1, c: da.pointer(Float.self), strideC: k)
    }
  }

  /// op(a)ᵀ · dy, or its transpose where b is stored so.
  private func addRight(_ dy: Tensor, _ a: Tensor, _ db: Tensor, _ m: Int, _ n: Int, _ k: Int) {
    let (upper, left) = (dy.pointer(Float.self), a.pointer(Float.self))
    if transB {
      BLAS.multiply(
        transposesA: true, transposesB: transA, m: n, n: k, k: m, alpha: alpha, a: upper,
        strideA: n, b: left, strideB: a.shape[1], beta: 1, c: db.pointer(Float.self), strideC: k)
    } else {
      BLAS.multiply(
        transposesA: !transA, transposesB: false, m: k, n: n, k: m, alpha: alpha, a: left,
        strideA: a.shape[1], b: upper, strideB: n, beta: 1, c: db.pointer(Float.self), strideC: n)
    }
  }
}
