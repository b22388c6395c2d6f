/// Made by Tests/Peers/lowrank.py with NumPy 2.4.6.
enum LowRankGoldens {
  static let effectiveRank = 14.18571973
  static let largestValue = 5.086426948
  static let plainError = 49.02422878
  static let plainWeightedError = 214.2922498
  static let choleskyWeightedError = 86.15209654
  static let diagonalWeightedError = 168.1107585
  static let kroneckerError = 83.15674579
  static let blockWeightedError = 377.3318661
  static let toeplitzError = 122.567777
  static let hankelError = 120.6106126
  static let displacementError = 85.43261793
}
