/// Rounding to 16-bit floats, as stored parameters are.
enum Half {
  /// `value` as a half float holds it, clamped to its range; NaN stays.
  static func nearest(_ value: Float) -> Float {
    Float(Float16(min(max(value, -65_504), 65_504)))
  }
}
