import CViseKernels

/// Row-wise operations of neural networks on float32, on the calling thread.
///
/// Thin, checked doors to the C kernels; `vise_kernels.h` documents each formula.
public enum Kernels {
  /// The instruction set the kernels run with on this machine.
  public static var variantName: String {
    switch Int(vise_best_variant()) {
    case Int(VISE_VARIANT_AVX512): "AVX-512"
    case Int(VISE_VARIANT_AVX2): "AVX2"
    default: "portable"
    }
  }

  /// Root-mean-square normalization of each group of `group` consecutive features, in place.
  public static func rmsNorm(
    _ x: UnsafeMutablePointer<Float>, rows: Int, group: Int, weight: UnsafePointer<Float>,
    epsilon: Float, into y: UnsafeMutablePointer<Float>
  ) {
    vise_rms_norm_rows(x, Int64(rows), Int64(group), weight, epsilon, y)
  }

  public static func layerNorm(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, epsilon: Float, into y: UnsafeMutablePointer<Float>
  ) {
    vise_layer_norm_rows(x, Int64(rows), Int64(columns), weight, bias, epsilon, y)
  }

  /// y = silu(gate) · up.
  public static func siluMultiply(
    _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, count: Int,
    into y: UnsafeMutablePointer<Float>
  ) {
    vise_silu_multiply(gate, up, Int64(count), y)
  }

  /// y = gelu(gate) · up, the tanh form.
  public static func geluMultiply(
    _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, count: Int,
    into y: UnsafeMutablePointer<Float>
  ) {
    vise_gelu_multiply(gate, up, Int64(count), y)
  }

  /// y = gelu(x), the tanh form.
  public static func gelu(
    _ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>
  ) {
    vise_gelu(x, Int64(count), y)
  }

  /// Rounds activations in place as ggml's CPU kernels store them in `type`, one of F16, Q8_0, Q8_K.
  public static func roundActivations(
    _ x: UnsafeMutablePointer<Float>, count: Int, as type: StorageType
  ) {
    let status = vise_round_activations(type.rawValue, x, Int64(count))
    precondition(status == 0, "activations are whole blocks of a type that rounds them")
  }

  /// y += x.
  public static func add(
    _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
  ) {
    vise_add(x, Int64(count), y)
  }

  public static func scale(_ x: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
    vise_scale(x, Int64(count), factor)
  }

  /// Rotary position embedding of `rows` consecutive positions from 0.
  public static func rotate(
    _ x: UnsafeMutablePointer<Float>, rows: Int, heads: Int, headLength: Int, rotary: Int,
    table: UnsafePointer<Float>, isInterleaved: Bool
  ) {
    vise_rope_rows(
      x, Int64(rows), Int64(heads * headLength), Int64(heads), Int64(headLength), Int64(rotary), 0,
      table, isInterleaved ? 1 : 0)
  }

  /// Softmax of scale · scores over the columns each row may see; the rest become 0.
  public static func causalSoftmax(
    _ scores: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int,
    firstPosition: Int, window: Int?, scale: Float
  ) {
    vise_causal_softmax_rows(
      scores, Int64(rows), Int64(columns), Int64(stride), Int64(firstPosition),
      Int64(window ?? 0), scale)
  }

  /// For each row log Σ exp(x), and the index of its first maximum.
  public static func logSumExp(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int,
    logSumExp: UnsafeMutablePointer<Double>, argmax: UnsafeMutablePointer<Int32>
  ) {
    vise_log_sum_exp_rows(x, Int64(rows), Int64(columns), Int64(stride), logSumExp, argmax)
  }

  /// x[r] = exp(x[r] − logSumExp[r]).
  public static func expNormalize(
    _ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int,
    logSumExp: UnsafePointer<Double>
  ) {
    vise_exp_normalize_rows(x, Int64(rows), Int64(columns), Int64(stride), logSumExp)
  }

  /// Σ p, Σ p·Δ and Σ p·(e^Δ − 1 − Δ) over bfloat16 probabilities p and changes Δ of logits.
  public static func divergenceTerms(
    _ p: UnsafePointer<UInt16>, change: UnsafePointer<Float>, count: Int
  ) -> (total: Double, mean: Double, rest: Double) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 3) { terms in
      vise_divergence_terms(p, change, Int64(count), terms.baseAddress)
      return (terms[0], terms[1], terms[2])
    }
  }

  /// Σ a·b, accumulated in double.
  public static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double
  {
    vise_dot(a, b, Int64(count))
  }

  /// Σ (a−b)², accumulated in double.
  public static func squaredDistance(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Double {
    vise_squared_distance(a, b, Int64(count))
  }
}
