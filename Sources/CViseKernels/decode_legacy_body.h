// Blocks of 32 weights: the body of decode_legacy.c. Low nibbles are weights 0–15, high 16–31.
#include "vector_body.h"

VISE_INLINE void V(q4_0_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  V(store)(y, d * V(to_float)(V(fields)(p + 2, 0, 15) - 8));
  V(store)(y + 16, d * V(to_float)(V(fields)(p + 2, 4, 15) - 8));
}

VISE_INLINE void V(q4_1_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p), m = vise_half(p + 2);
  V(store)(y, d * V(to_float)(V(fields)(p + 4, 0, 15)) + m);
  V(store)(y + 16, d * V(to_float)(V(fields)(p + 4, 4, 15)) + m);
}

/// Code of weight `i` of a five-bit block: a nibble of `qs` and bit i of `high`.
VISE_INLINE int V(five_bits)(const uint8_t *restrict qs, uint32_t high, int i) {
  int nibble = i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
  return nibble | (int)((high >> i & 1) << 4);
}

VISE_INLINE void V(q5_0_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  uint32_t high = vise_u32(p + 2);
  for (int i = 0; i < 32; i++) y[i] = d * (float)(V(five_bits)(p + 6, high, i) - 16);
}

VISE_INLINE void V(q5_1_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p), m = vise_half(p + 2);
  uint32_t high = vise_u32(p + 4);
  for (int i = 0; i < 32; i++) y[i] = d * (float)V(five_bits)(p + 8, high, i) + m;
}

VISE_INLINE void V(q8_0_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  for (int i = 0; i < 32; i++) y[i] = (float)(int8_t)p[2 + i] * d;
}

VISE_INLINE void V(nibble_block)(const uint8_t *restrict qs, float d, const int8_t *values,
                                 float *restrict y) {
  V(store)(y, d * V(looked_up)(qs, 0, values));
  V(store)(y + 16, d * V(looked_up)(qs, 4, values));
}

VISE_INLINE void V(iq4_nl_block)(const uint8_t *restrict p, float *restrict y) {
  V(nibble_block)(p + 2, vise_half(p), vise_iq4_values, y);
}

/// The scale is a power of two, e8m0, halved because the values are doubled.
VISE_INLINE void V(mxfp4_block)(const uint8_t *restrict p, float *restrict y) {
  uint32_t bits = p[0] < 2 ? 0x00200000u << p[0] : (uint32_t)(p[0] - 1) << 23;
  V(nibble_block)(p + 1, vise_float_from_bits(bits), vise_e2m1_doubled, y);
}

VISE_DECODE_BLOCKS(q4_0, 18, 32)
VISE_DECODE_BLOCKS(q4_1, 20, 32)
VISE_DECODE_BLOCKS(q5_0, 22, 32)
VISE_DECODE_BLOCKS(q5_1, 24, 32)
VISE_DECODE_BLOCKS(q8_0, 34, 32)
VISE_DECODE_BLOCKS(iq4_nl, 18, 32)
VISE_DECODE_BLOCKS(mxfp4, 17, 32)
