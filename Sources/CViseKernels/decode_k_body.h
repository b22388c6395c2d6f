// Super-blocks of 256 weights with quantized scales: the body of decode_k.c.
#include "vector_body.h"

/// Sixteen sub-blocks of 16 codes of two bits, each with a 4-bit scale and a 4-bit minimum.
VISE_INLINE void V(q2_k_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p + 80), dmin = vise_half(p + 82);
  for (int sub = 0; sub < 16; sub++) {
    float scale = d * (float)(p[sub] & 15), minimum = dmin * (float)(p[sub] >> 4);
    const uint8_t *qs = p + 16 + sub / 8 * 32 + sub % 2 * 16;
    int shift = sub % 8 / 2 * 2;
    V(store)(y + sub * 16, scale * V(to_float)(V(fields)(qs, shift, 3)) - minimum);
  }
}

/// Scale `sub` of 16 six-bit scales in 12 bytes: low nibbles in 8 bytes, high pairs in 4.
VISE_INLINE int V(q3_k_scale)(const uint8_t *restrict p, int sub) {
  int low = p[sub % 8] >> (sub / 8 * 4) & 15;
  int high = p[8 + sub % 4] >> (sub / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

/// Sixteen sub-blocks of 16 codes of three bits; a clear bit of the mask subtracts 4.
VISE_INLINE void V(q3_k_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p + 108);
  for (int sub = 0; sub < 16; sub++) {
    float scale = d * (float)V(q3_k_scale)(p + 96, sub);
    const uint8_t *qs = p + 32 + sub / 8 * 32 + sub % 2 * 16, *mask = p + sub % 2 * 16;
    int shift = sub % 8 / 2 * 2, bit = sub / 2;
    vi codes = V(fields)(qs, shift, 3) - 4 + (V(fields)(mask, bit, 1) << 2);
    V(store)(y + sub * 16, scale * V(to_float)(codes));
  }
}

/// Scale and minimum `sub` of 8 six-bit pairs in 12 bytes.
VISE_INLINE void V(q4_k_scale)(const uint8_t *restrict p, int sub, int *scale, int *minimum) {
  if (sub < 4) {
    *scale = p[sub] & 63;
    *minimum = p[4 + sub] & 63;
  } else {
    *scale = (p[4 + sub] & 15) | (p[sub - 4] >> 6) << 4;
    *minimum = p[4 + sub] >> 4 | (p[sub] >> 6) << 4;
  }
}

/// Eight sub-blocks of 32 codes of four bits, each with a 6-bit scale and minimum.
VISE_INLINE void V(q4_k_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p), dmin = vise_half(p + 2);
  for (int sub = 0; sub < 8; sub++) {
    int sc, mn;
    V(q4_k_scale)(p + 4, sub, &sc, &mn);
    float scale = d * (float)sc, minimum = dmin * (float)mn;
    const uint8_t *qs = p + 16 + sub / 2 * 32;
    int shift = sub % 2 * 4;
    for (int i = 0; i < 32; i++) {
      y[sub * 32 + i] = scale * (float)(qs[i] >> shift & 15) - minimum;
    }
  }
}

/// As Q4_K with a fifth bit: bit `sub` of the 32 high bytes.
VISE_INLINE void V(q5_k_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p), dmin = vise_half(p + 2);
  const uint8_t *high = p + 16;
  for (int sub = 0; sub < 8; sub++) {
    int sc, mn;
    V(q4_k_scale)(p + 4, sub, &sc, &mn);
    float scale = d * (float)sc, minimum = dmin * (float)mn;
    const uint8_t *qs = p + 48 + sub / 2 * 32;
    int shift = sub % 2 * 4;
    for (int i = 0; i < 32; i++) {
      int code = (qs[i] >> shift & 15) | (high[i] >> sub & 1) << 4;
      y[sub * 32 + i] = scale * (float)code - minimum;
    }
  }
}

/// Sixteen sub-blocks of 16 codes of six bits with signed 8-bit scales.
VISE_INLINE void V(q6_k_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p + 208);
  for (int sub = 0; sub < 16; sub++) {
    float scale = d * (float)(int8_t)p[192 + sub];
    const uint8_t *low = p + sub / 8 * 64 + sub % 4 * 16;
    const uint8_t *high = p + 128 + sub / 8 * 32 + sub % 2 * 16;
    int shift = sub % 8 / 4 * 4, high_shift = sub % 8 / 2 * 2;
    vi codes = V(fields)(low, shift, 15) | V(fields)(high, high_shift, 3) << 4;
    V(store)(y + sub * 16, scale * V(to_float)(codes - 32));
  }
}

VISE_DECODE_BLOCKS(q2_k, 84, 256)
VISE_DECODE_BLOCKS(q3_k, 110, 256)
VISE_DECODE_BLOCKS(q4_k, 144, 256)
VISE_DECODE_BLOCKS(q5_k, 176, 256)
VISE_DECODE_BLOCKS(q6_k, 210, 256)
