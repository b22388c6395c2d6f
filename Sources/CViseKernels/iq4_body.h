// Codes of the sixteen values of IQ4_NL and IQ4_XS; included by the bodies of their encoders.

/// The codebook value nearest to `v` in units of the scale: a step up at each midpoint.
VISE_INLINE vf V(nearest_iq4)(vf v) {
  vf value = (vf)-127.0f;
  for (int k = 0; k < 15; k++) {
    float here = vise_iq4_values[k], next = vise_iq4_values[k + 1];
    value += v > (here + next) * 0.5f ? (vf)(next - here) : (vf)0.0f;
  }
  return value;
}

/// The codes of 32 weights at `scale`, computed as in the tiles.
VISE_INLINE void V(iq4_codes)(const float *restrict x, float scale, uint8_t *restrict codes) {
  float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  for (int i = 0; i < 32; i++) {
    float v = V(sane)(x[i]) * inverse;
    int code = 0;
    for (int k = 0; k < 15; k++) {
      code += v > ((float)vise_iq4_values[k] + (float)vise_iq4_values[k + 1]) * 0.5f;
    }
    codes[i] = (uint8_t)code;
  }
}

/// Writes 32 codes as nibbles: weights 0–15 low, 16–31 high.
VISE_INLINE void V(put_nibbles)(const uint8_t *restrict codes, uint8_t *restrict out) {
  for (int i = 0; i < 16; i++) out[i] = (uint8_t)((codes[i] & 15) | codes[16 + i] << 4);
}
