import Glibc
import ViseTerminal

/// How a colour looks to someone who lacks one kind of cones.
///
/// Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
/// Deficiency" (2009), the matrices of severity 1.
enum ColorVision: CaseIterable {
  case usual, deuteranopia, tritanopia

  private var matrix: [[Double]] {
    switch self {
    case .usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    case .deuteranopia:
      [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
      ]
    case .tritanopia:
      [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
      ]
    }
  }

  /// Distance of two colours in CIELAB (CIE 1976), as they look on a terminal with 256 colours.
  ///
  /// About 2.3 is just noticeable side by side.
  func distance(_ first: ThemeColor, _ second: ThemeColor) -> Double? {
    guard let a = lab(first), let b = lab(second) else { return nil }
    return zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  private func lab(_ color: ThemeColor) -> [Double]? {
    guard let components = color.shownComponents else { return nil }
    let linear = components.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    let seen = matrix.map { row in
      min(max(zip(row, linear).reduce(0) { $0 + $1.0 * $1.1 }, 0), 1)
    }
    let toXYZ = [
      [0.4124 / 0.95047, 0.3576 / 0.95047, 0.1805 / 0.95047], [0.2126, 0.7152, 0.0722],
      [0.0193 / 1.08883, 0.1192 / 1.08883, 0.9505 / 1.08883],
    ]
    let roots = toXYZ.map { row -> Double in
      let value = zip(row, seen).reduce(0) { $0 + $1.0 * $1.1 }
      return value > 0.008856 ? cbrt(value) : 7.787 * value + 16.0 / 116
    }
    return [116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])]
  }
}
