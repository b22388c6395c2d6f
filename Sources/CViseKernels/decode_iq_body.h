// Codebook formats and ternary formats of 256 weights: the body of decode_iq.c.
//
// A code names a point of a grid of 8 (or 4) magnitudes; signs are stored beside it. The grids are
// packed: see iq_grids.h.
#include "vector_body.h"

/// y = scale · magnitude of eight weights of an iq2 grid point, negated where `signs` has a bit.
VISE_INLINE void V(iq2_point)(uint16_t point, uint32_t signs, float scale, float *restrict y) {
  static const float magnitudes[4] = {8, 25, 43, 0};
  for (int i = 0; i < 8; i++) {
    float value = scale * magnitudes[point >> 2 * i & 3];
    y[i] = (signs >> i & 1) ? -value : value;
  }
}

VISE_INLINE void V(iq3_point)(uint16_t point, const uint8_t *magnitudes, uint32_t signs,
                              float scale, float *restrict y) {
  for (int i = 0; i < 4; i++) {
    float value = scale * (float)magnitudes[point >> 3 * i & 7];
    y[i] = (signs >> i & 1) ? -value : value;
  }
}

/// y = scale · (grid + shift), the grid ternary.
VISE_INLINE void V(iq1_point)(uint16_t point, float shift, float scale, float *restrict y) {
  for (int i = 0; i < 8; i++) {
    y[i] = scale * ((float)((point >> 2 * i & 3) - 1) + shift);
  }
}

/// Eight signs from seven stored bits: the eighth makes their number even.
VISE_INLINE uint32_t V(even_signs)(uint32_t seven) {
  return seven | (uint32_t)__builtin_parity(seven) << 7;
}

VISE_INLINE void V(iq2_xxs_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  for (int group = 0; group < 8; group++) {
    const uint8_t *codes = p + 2 + group * 8;
    uint32_t rest = vise_u32(codes + 4);
    float scale = d * (0.5f + (float)(rest >> 28)) * 0.25f;
    for (int k = 0; k < 4; k++) {
      uint32_t signs = V(even_signs)(rest >> 7 * k & 127);
      V(iq2_point)(vise_iq2_xxs_grid[codes[k]], signs, scale, y + group * 32 + k * 8);
    }
  }
}

VISE_INLINE void V(iq2_xs_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  for (int k = 0; k < 32; k++) {
    uint32_t code = vise_u16(p + 2 + 2 * k);
    uint32_t level = p[66 + k / 4] >> (k / 2 % 2 * 4) & 15;
    float scale = d * (0.5f + (float)level) * 0.25f;
    V(iq2_point)(vise_iq2_xs_grid[code & 511], V(even_signs)(code >> 9), scale, y + k * 8);
  }
}

VISE_INLINE void V(iq2_s_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  for (int k = 0; k < 32; k++) {
    uint32_t code = p[2 + k] | (uint32_t)(p[66 + k / 4] >> (k % 4 * 2) & 3) << 8;
    uint32_t level = p[74 + k / 4] >> (k / 2 % 2 * 4) & 15;
    float scale = d * (0.5f + (float)level) * 0.25f;
    V(iq2_point)(vise_iq2_s_grid[code], p[34 + k], scale, y + k * 8);
  }
}

VISE_INLINE void V(iq3_xxs_block)(const uint8_t *restrict p, float *restrict y) {
  static const uint8_t magnitudes[8] = {4, 12, 20, 28, 36, 44, 52, 62};
  float d = vise_half(p);
  for (int group = 0; group < 8; group++) {
    uint32_t rest = vise_u32(p + 66 + group * 4);
    float scale = d * (0.5f + (float)(rest >> 28)) * 0.5f;
    for (int k = 0; k < 8; k++) {
      uint32_t signs = V(even_signs)(rest >> 7 * (k / 2) & 127) >> (k % 2 * 4);
      uint16_t point = vise_iq3_xxs_grid[p[2 + group * 8 + k]];
      V(iq3_point)(point, magnitudes, signs, scale, y + group * 32 + k * 4);
    }
  }
}

VISE_INLINE void V(iq3_s_block)(const uint8_t *restrict p, float *restrict y) {
  static const uint8_t magnitudes[8] = {1, 3, 5, 7, 9, 11, 13, 15};
  float d = vise_half(p);
  for (int k = 0; k < 64; k++) {
    uint32_t code = p[2 + k] | (uint32_t)(p[66 + k / 8] >> (k % 8) & 1) << 8;
    uint32_t level = p[106 + k / 16] >> (k / 8 % 2 * 4) & 15;
    float scale = d * (float)(1 + 2 * level);
    uint32_t signs = p[74 + k / 2] >> (k % 2 * 4);
    V(iq3_point)(vise_iq3_s_grid[code], magnitudes, signs, scale, y + k * 4);
  }
}

VISE_INLINE void V(iq1_s_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  for (int group = 0; group < 8; group++) {
    uint32_t rest = vise_u16(p + 34 + 2 * group);
    float scale = d * (float)(2 * (rest >> 12 & 7) + 1);
    float shift = (rest & 0x8000) ? -0.125f : 0.125f;
    for (int k = 0; k < 4; k++) {
      uint32_t code = p[2 + group * 4 + k] | (rest >> 3 * k & 7) << 8;
      V(iq1_point)(vise_iq1_grid[code], shift, scale, y + group * 32 + k * 8);
    }
  }
}

/// The half-float scale lies in the high nibbles of the four words of 3-bit scales.
VISE_INLINE void V(iq1_m_block)(const uint8_t *restrict p, float *restrict y) {
  uint16_t half = 0;
  for (int i = 0; i < 4; i++) half |= (uint16_t)(vise_u16(p + 48 + 2 * i) >> 12 << 4 * i);
  float d = vise_half_value(half);
  for (int k = 0; k < 32; k++) {
    uint32_t level = vise_u16(p + 48 + k / 8 * 2) >> (k / 2 % 4 * 3) & 7;
    uint32_t high = p[32 + k / 2] >> (k % 2 * 4) & 15;
    uint32_t code = p[k] | (high & 7) << 8;
    V(iq1_point)(vise_iq1_grid[code], (high & 8) ? -0.125f : 0.125f, d * (float)(2 * level + 1),
                 y + k * 8);
  }
}

VISE_INLINE void V(iq4_xs_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p);
  for (int group = 0; group < 8; group++) {
    int low = p[4 + group / 2] >> (group % 2 * 4) & 15;
    int high = vise_u16(p + 2) >> 2 * group & 3;
    float scale = d * (float)((low | high << 4) - 32);
    const uint8_t *qs = p + 8 + group * 16;
    V(store)(y + group * 32, scale * V(looked_up)(qs, 0, vise_iq4_values));
    V(store)(y + group * 32 + 16, scale * V(looked_up)(qs, 4, vise_iq4_values));
  }
}

VISE_INLINE void V(tq2_0_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p + 64);
  for (int i = 0; i < 256; i++) {
    y[i] = d * (float)((p[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3) - 1);
  }
}

/// `length` bytes of five ternary digits each, most significant first, as fractions of 256.
VISE_INLINE void V(tq1_digits)(const uint8_t *restrict p, int length, int digits, float d,
                               float *restrict y) {
  static const uint8_t powers[5] = {1, 3, 9, 27, 81};
  for (int digit = 0; digit < digits; digit++) {
    for (int i = 0; i < length; i++) {
      uint8_t shifted = (uint8_t)(p[i] * powers[digit]);
      y[digit * length + i] = d * (float)((shifted * 3 >> 8) - 1);
    }
  }
}

VISE_INLINE void V(tq1_0_block)(const uint8_t *restrict p, float *restrict y) {
  float d = vise_half(p + 52);
  V(tq1_digits)(p, 32, 5, d, y);
  V(tq1_digits)(p + 32, 16, 5, d, y + 160);
  V(tq1_digits)(p + 48, 4, 4, d, y + 240);
}

VISE_DECODE_BLOCKS(iq2_xxs, 66, 256)
VISE_DECODE_BLOCKS(iq2_xs, 74, 256)
VISE_DECODE_BLOCKS(iq2_s, 82, 256)
VISE_DECODE_BLOCKS(iq3_xxs, 98, 256)
VISE_DECODE_BLOCKS(iq3_s, 110, 256)
VISE_DECODE_BLOCKS(iq1_s, 50, 256)
VISE_DECODE_BLOCKS(iq1_m, 56, 256)
VISE_DECODE_BLOCKS(iq4_xs, 136, 256)
VISE_DECODE_BLOCKS(tq1_0, 54, 256)
VISE_DECODE_BLOCKS(tq2_0, 66, 256)
