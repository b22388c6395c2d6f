import Glibc

/// log(eᵃ + eᵇ) without overflow.
func logAddExp(_ a: Double, _ b: Double) -> Double {
  let larger = max(a, b)
  guard larger > -.infinity else { return larger }
  return larger + log1p(exp(min(a, b) - larger))
}
