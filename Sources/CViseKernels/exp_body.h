// Elementary functions of sixteen lanes; included by the bodies after vector_body.h.

/// e^x: 2^n · e^r with r = x − n·ln 2 in ±ln 2 / 2, the reduction split so that n·ln 2 is exact.
///
/// The polynomial is Cephes' expf's. Two factors scale by 2^n, so that subnormal results come out.
VISE_INLINE vf V(exponential)(vf x) {
  const float magic = 12582912.0f;
  x = x < -104.0f ? (vf)-104.0f : x;
  x = x > 89.0f ? (vf)89.0f : x;
  vf shifted = x * 1.44269504088896341f + magic;
  vi n = V(bits)(shifted) - (vi)0x4B400000;
  vf whole = shifted - magic;
  vf r = (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
  vf p = (vf)1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  vf y = (p * (r * r) + r) + 1.0f;
  vi half = n >> 1;
  return y * V(from_bits)((half + 127) << 23) * V(from_bits)((n - half + 127) << 23);
}

/// 1 / (1 + e^−x).
VISE_INLINE vf V(sigmoid)(vf x) { return 1.0f / (1.0f + V(exponential)(-x)); }

/// tanh x: a polynomial (Cephes' tanhf) below 0.625, else 1 − 2 / (e^2|x| + 1).
VISE_INLINE vf V(hyperbolic_tangent)(vf x) {
  vf magnitude = V(from_bits)(V(bits)(x) & (vi)0x7FFFFFFF);
  vf s = x * x;
  vf p = (vf)-5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  vf small = x + x * s * p;
  vf large = 1.0f - 2.0f / (V(exponential)(magnitude + magnitude) + 1.0f);
  large = x < 0.0f ? -large : large;
  return magnitude < 0.625f ? small : large;
}

/// x · Φ(x) in its tanh form: ½x(1 + tanh u) = x / (1 + e^−2u), u = √(2/π)(x + 0.044715 x³).
VISE_INLINE vf V(gelu_lanes)(vf x) {
  vf twice = 1.5957691216057308f * (x + 0.044715f * x * x * x);
  return x * V(sigmoid)(twice);
}
