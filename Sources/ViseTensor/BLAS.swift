import COpenBLAS

/// A reason matrix products are not available.
public enum BLASError: Error, Equatable, Sendable {
  /// OpenBLAS could not be loaded; the text is the loader's.
  case unavailable(String)
}

/// Single-threaded matrix products through OpenBLAS; parallelism is the callers'.
public enum BLAS {
  /// Loads the library; call it once before the first product.
  public static func load() throws(BLASError) {
    guard vise_blas_load() == 0 else {
      throw .unavailable(String(cString: vise_blas_error()))
    }
  }

  /// The core OpenBLAS chose its kernels for, such as `SkylakeX`.
  public static var coreName: String { String(cString: vise_blas_core_name()) }

  /// C[m×n] = alpha · A[m×k] · B[n×k]ᵀ + beta · C, with the distances between rows given.
  ///
  /// The shape of a linear layer: activations times a weight stored as outputs × inputs.
  @inline(__always)
  public static func multiplyTransposed(
    m: Int, n: Int, k: Int, alpha: Float = 1, a: UnsafePointer<Float>, strideA: Int,
    b: UnsafePointer<Float>, strideB: Int, beta: Float = 0, c: UnsafeMutablePointer<Float>,
    strideC: Int
  ) {
    vise_blas_sgemm(
      0, 1, Int64(m), Int64(n), Int64(k), alpha, a, Int64(strideA), b, Int64(strideB), beta, c,
      Int64(strideC))
  }

  /// C[m×n] = alpha · A[m×k] · B[k×n] + beta · C, with the distances between rows given.
  @inline(__always)
  public static func multiply(
    m: Int, n: Int, k: Int, alpha: Float = 1, a: UnsafePointer<Float>, strideA: Int,
    b: UnsafePointer<Float>, strideB: Int, beta: Float = 0, c: UnsafeMutablePointer<Float>,
    strideC: Int
  ) {
    vise_blas_sgemm(
      0, 0, Int64(m), Int64(n), Int64(k), alpha, a, Int64(strideA), b, Int64(strideB), beta, c,
      Int64(strideC))
  }

  /// C[m×n] = alpha · op(A) · op(B) + beta · C, where op(A) is m×k and op(B) is k×n.
  ///
  /// - Parameters:
  ///   - transposesA: whether A is stored k×m.
  ///   - transposesB: whether B is stored n×k.
  @inline(__always)
  public static func multiply(
    transposesA: Bool, transposesB: Bool, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, strideA: Int, b: UnsafePointer<Float>, strideB: Int, beta: Float = 0,
    c: UnsafeMutablePointer<Float>, strideC: Int
  ) {
    vise_blas_sgemm(
      transposesA ? 1 : 0, transposesB ? 1 : 0, Int64(m), Int64(n), Int64(k), alpha, a,
      Int64(strideA), b, Int64(strideB), beta, c, Int64(strideC))
  }
}
