import Glibc
public import ViseTensor

/// Moves the difficulty of quantizing inputs into the weights: inputs are divided by a factor a
/// channel, weights multiplied by it.
///
/// SmoothQuant (Xiao et al., 2022, eq. 4): sⱼ = max|Xⱼ|^α / max|Wⱼ|^(1−α).
public enum Smoothing {
  /// The factors for weights that share one input; 1 for channels that are silent or unused.
  ///
  /// - Parameter inputs: max|Xⱼ| of each input channel.
  public static func factors(inputs: [Float], weights: [Matrix], alpha: Double = 0.5) -> [Float] {
    precondition(weights.allSatisfy { $0.columns == inputs.count } && alpha >= 0 && alpha <= 1)
    var reach = [Float](repeating: 0, count: inputs.count)
    for weight in weights {
      for row in 0..<weight.rows {
        for column in 0..<weight.columns {
          reach[column] = max(reach[column], abs(weight.row(row)[column]))
        }
      }
      withExtendedLifetime(weight) {}
    }
    return zip(inputs, reach).map { input, weight in
      guard input > 0, weight > 0 else { return 1 }
      let factor = pow(Double(input), alpha) / pow(Double(weight), 1 - alpha)
      return Float(max(factor, 1e-5))
    }
  }

  /// Factors of the keys' channels, λ = max|K|^α, equal for two that a rotary embedding mixes.
  ///
  /// SmoothAttention of QServe (Lin et al., 2024, eq. 9). Keys are divided by them and queries multiplied; `inputs` are max|Kⱼ| of one head, whose
  /// channels j and j + half are a pair, or 2j and 2j + 1 where interleaved.
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
