import ViseTensor

/// KL(reference‖plan) of next-token distributions, from features rather than logits.
enum Divergence {
  /// KL at each row, in nats.
  ///
  /// With logits l = W·f, KL(p‖q) = Σp·(l_p − l_q) − Z_p + Z_q with Z = log Σ exp l. While the head
  /// is the same for both, Σp·(l_p − l_q) = (Σp·W)·(f_p − f_q), one dot product with the expected
  /// head row; a changed head W′ needs Σp·W′ too.
  static func rows(
    reference: ReferenceScores, features: Matrix, logSumExp: [Double],
    expectedUnderChangedHead: Matrix?
  ) -> [Float] {
    let width = features.columns
    defer { withExtendedLifetime((reference, features, expectedUnderChangedHead)) {} }
    var difference = [Float](repeating: 0, count: width)
    return (0..<features.rows).map { row in
      let normalizers = logSumExp[row] - reference.logSumExp[row]
      let expected = reference.expectedHead.row(row)
      if let changed = expectedUnderChangedHead {
        // Another model may have features of another width.
        let before = Kernels.dot(
          expected, reference.features.row(row), count: reference.features.columns)
        let after = Kernels.dot(changed.row(row), features.row(row), count: width)
        return Float(before - after + normalizers)
      }
      for column in 0..<width {
        difference[column] = reference.features.row(row)[column] - features.row(row)[column]
      }
      return Float(Kernels.dot(expected, difference, count: width) + normalizers)
    }
  }
}
