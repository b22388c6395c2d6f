import Glibc

/// Moves the difficulty of quantizing inputs into the weights: inputs are divided by a factor a
/// channel, weights multiplied by it.
///
/// SmoothQuant (Xiao et al., 2022, eq. 4): sⱼ = max|Xⱼ|^α / max|Wⱼ|^(1−α).
public enum Smoothing {
  /// The factors for weights that share one input; 1 for channels that are silent or unused.
  ///
  /// - Parameters:
  ///   - inputs: max|Xⱼ| of each input channel.
  ///   - weights: max|Wⱼ| of each channel over all weights that read it.
  public static func factors(
    inputs: [Float], weights: [Float], alpha: Double = 0.5
  ) -> [Float] {
    precondition(weights.count == inputs.count && alpha >= 0 && alpha <= 1)
    return zip(inputs, weights).map { input, weight in
      guard input > 0, weight > 0 else { return 1 }
      let factor = pow(Double(input), alpha) / pow(Double(weight), 1 - alpha)
      return Float(max(factor, 1e-5))
    }
  }

  /// Factors of the keys' channels, λ = max|K|^α, equal for two that a rotary embedding mixes.
  ///
  /// SmoothAttention of QServe (Lin et al., 2024, eq. 9). Keys are divided by them and queries
  /// multiplied; `inputs` are max|Kⱼ| of one head, whose channels j and j + half are a pair, or 2j
  /// and 2j + 1 where interleaved.
  public static func keyFactors(
    inputs: [Float], alpha: Double = 0.5, isInterleaved: Bool = false
  ) -> [Float] {
    precondition(inputs.count % 2 == 0)
    let half = inputs.count / 2
    return inputs.indices.map { channel in
      let partner =
        isInterleaved ? channel ^ 1 : channel < half ? channel + half : channel - half
      let largest = max(inputs[channel], inputs[partner])
      return largest > 0 ? Float(pow(Double(largest), alpha)) : 1
    }
  }
}
