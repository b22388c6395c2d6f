// Encoders of TQ1_0 and TQ2_0, 256 weights of one magnitude d or zero: the body of
// encode_ternary.c.
//
// At the optimum the weights beyond a threshold are ±d, d is their weighted mean magnitude and the
// threshold d / 2. A lane is a trial threshold; the best is then refined by alternation.
#include "tile_body.h"

#ifndef VISE_TERNARY_TYPES
#define VISE_TERNARY_TYPES

/// Magnitudes of a block and what an error in each costs.
typedef struct {
  float a[256], w[256];
} vise_ternary_block;

/// Thresholds tried, in units of the mean magnitude.
static const float vise_ternary_starts[16] = {0.3f,  0.45f, 0.6f, 0.7f, 0.8f, 0.9f, 1.0f, 1.15f,
                                              1.35f, 1.6f,  2.0f, 2.8f, 4.5f, 9.0f, 20.0f, 60.0f};
#endif

VISE_INLINE void V(load_ternary)(vise_ternary_block *block, const float *x, const float *w) {
  vf total = (vf)0.0f;
  for (int i = 0; i < 256; i += LANES) {
    V(store)(block->a + i, V(magnitude)(V(sanitized)(V(load)(x + i))));
    vf one = w ? V(larger)(V(load)(w + i), (vf)0.0f) : (vf)1.0f;
    V(store)(block->w + i, one);
    total += one;
  }
  float sum = V(sum)(total), factor = 256.0f / sum;
  int usable = sum > 1e-30f && sum < 1e30f;
  for (int i = 0; i < 256; i += LANES) {
    V(store)(block->w + i, usable ? V(load)(block->w + i) * factor : (vf)1.0f);
  }
}

/// Σ w a and Σ w over the weights beyond the threshold of each lane.
VISE_INLINE vf V(ternary_start)(const vise_ternary_block *block) {
  vf mean = (vf)0.0f, wa = (vf)0.0f, total = (vf)0.0f;
  for (int i = 0; i < 256; i += LANES) mean += V(load)(block->a + i);
  vf thresholds = V(load)(vise_ternary_starts) * (V(sum)(mean) * (1 / 256.0f));
  for (int i = 0; i < 256; i++) {
    float a = block->a[i], w = block->w[i];
    vi beyond = (vf)a > thresholds;
    wa += beyond ? (vf)(w * a) : (vf)0.0f;
    total += beyond ? (vf)w : (vf)0.0f;
  }
  vf d = wa * V(inverse)(total);
  int best = 0;
  for (int k = 1; k < LANES; k++) best = d[k] * wa[k] > d[best] * wa[best] ? k : best;
  return (vf)d[best];
}

/// The mean magnitude of the weights nearer to `d` than to 0, or `d` where there are none.
VISE_INLINE float V(ternary_refit)(const vise_ternary_block *block, float d) {
  vf threshold = (vf)(d * 0.5f), wa = (vf)0.0f, total = (vf)0.0f;
  for (int i = 0; i < 256; i += LANES) {
    vf a = V(load)(block->a + i), w = V(load)(block->w + i);
    vi beyond = a > threshold;
    wa += beyond ? w * a : (vf)0.0f;
    total += beyond ? w : (vf)0.0f;
  }
  float sum = V(sum)(total);
  return sum > 0.0f ? V(sum)(wa) / sum : d;
}

/// The half-float d of a block, and its codes: 0, 1 and 2 for −d, 0 and d.
VISE_INLINE uint16_t V(fit_ternary)(const float *x, const float *w, uint8_t *restrict codes) {
  vise_ternary_block block;
  V(load_ternary)(&block, x, w);
  float d = V(ternary_start)(&block)[0];
  for (int round = 0; round < 3; round++) d = V(ternary_refit)(&block, d);
  uint16_t half = vise_half_bits(d);
  float threshold = vise_half_value(half) * 0.5f;
  for (int i = 0; i < 256; i++) {
    int beyond = block.a[i] > threshold;
    codes[i] = (uint8_t)(1 + (x[i] < 0.0f ? -beyond : beyond));
  }
  return half;
}

VISE_INLINE void V(put_tq2_0)(const uint8_t *restrict codes, uint16_t d, uint8_t *restrict out) {
  for (int half = 0; half < 2; half++) {
    const uint8_t *c = codes + half * 128;
    for (int i = 0; i < 32; i++) {
      out[half * 32 + i] =
          (uint8_t)(c[i] | c[32 + i] << 2 | c[64 + i] << 4 | c[96 + i] << 6);
    }
  }
  vise_put_u16(out + 64, d);
}

/// Writes `length` bytes of five ternary digits each, `length` weights apart, as fractions of 256
/// rounded up.
VISE_INLINE void V(put_digits)(const uint8_t *restrict codes, int length, uint8_t *restrict out) {
  for (int i = 0; i < length; i++) {
    uint16_t number = codes[i];
    for (int digit = 1; digit < 5; digit++) {
      number = (uint16_t)(number * 3 + codes[digit * length + i]);
    }
    // number · 256 / 243 rounded up, without leaving sixteen bits: 256 = 243 + 13.
    out[i] = (uint8_t)(number + (number * 13 + 242) / 243);
  }
}

VISE_INLINE void V(put_tq1_0)(const uint8_t *restrict codes, uint16_t d, uint8_t *restrict out) {
  uint8_t last[20] = {0};
  memcpy(last, codes + 240, 16);
  V(put_digits)(codes, 32, out);
  V(put_digits)(codes + 160, 16, out + 32);
  V(put_digits)(last, 4, out + 48);
  vise_put_u16(out + 52, d);
}

/// Defines V(encode_<name>): a block at a time.
#define ENCODE_BLOCKS(name, bytes)                                                    \
  static void V(encode_##name)(const float *x, uint8_t *out, int64_t blocks,          \
                               const float *importance, int64_t period) {             \
    for (int64_t block = 0; block < blocks; block++) {                                \
      uint8_t codes[256];                                                             \
      const float *w = importance ? importance + block % period * 256 : NULL;         \
      uint16_t d = V(fit_ternary)(x + block * 256, w, codes);                         \
      V(put_##name)(codes, d, out + block * (bytes));                                 \
    }                                                                                 \
  }

ENCODE_BLOCKS(tq1_0, 54)
ENCODE_BLOCKS(tq2_0, 66)
#undef ENCODE_BLOCKS
