// Encoders of IQ1, IQ2 and IQ3, whose weights come in points of a grid: the body of encode_iq.c.
// A lane is a sub-block; `group` lanes share d.
#include "tile_body.h"

#include "grid_search_body.h"

#ifndef VISE_IQ_TYPES
#define VISE_IQ_TYPES

/// Scales of the lanes' sub-blocks: d, shared by a super-block, and 2 l + 1; and their error.
typedef struct {
  vf d, multiple, error;
} vise_iq_scales;
#endif

/// Σ w x q and Σ w q² of a fit.
VISE_INLINE void V(grid_sums)(const vise_tile *tile, const vise_iq_range *range,
                              const vise_grid_fit *fit, vf *xq, vf *qq) {
  *xq = *qq = (vf)0.0f;
  for (int i = 0; i < range->length; i++) {
    vf wq = tile->w[i] * fit->q[i];
    *xq += wq * tile->x[i];
    *qq += wq * fit->q[i];
  }
}

/// The scale of least error were all ternary points allowed, by alternation.
VISE_INLINE vf V(ternary_scale)(const vise_tile *tile, const vise_iq_range *range) {
  vf scale = (vf)0.0f;
  for (int i = 0; i < range->length; i++) scale += V(magnitude)(tile->x[i]);
  scale *= 1.6f / (float)range->length;
  for (int round = 0; round < 6; round++) {
    vf threshold = scale * 0.5f, wa = (vf)0.0f, total = (vf)0.0f;
    for (int i = 0; i < range->length; i++) {
      vf a = V(magnitude)(tile->x[i]);
      vi beyond = a > threshold;
      wa += beyond ? tile->w[i] * a : (vf)0.0f;
      total += beyond ? tile->w[i] : (vf)0.0f;
    }
    vf mean = wa * V(inverse)(total);
    scale = total > 0.0f ? mean : scale;
  }
  return scale;
}

/// The best of the range's starts for each lane.
VISE_INLINE vf V(tried_scale)(const vise_tile *tile, int weighted, const vise_iq_range *range,
                              const vise_grid_runs *runs) {
  vise_grid_fit fit;
  int starts = weighted ? range->weighted_count : range->start_count;
  vf largest = (vf)0.0f, best = (vf)0.0f, error = (vf)INFINITY;
  for (int i = 0; i < range->length; i++) {
    largest = V(larger)(V(magnitude)(tile->x[i]), largest);
  }
  for (int k = 0; k < starts; k++) {
    vf scale = largest * range->starts[k];
    V(fit_grid)(tile, range, runs, scale, 0, &fit);
    best = fit.error < error ? scale : best;
    error = V(smaller)(fit.error, error);
  }
  return best;
}

/// A good unquantized scale of each lane, and Σ w q² at its points.
VISE_INLINE vf V(grid_start)(const vise_tile *tile, int weighted, const vise_iq_range *range,
                             const vise_grid_runs *runs, vf *qq) {
  vise_grid_fit fit;
  vf xq, start = range->start_count == 0 ? V(ternary_scale)(tile, range)
                                         : V(tried_scale)(tile, weighted, range, runs);
  V(fit_grid)(tile, range, runs, start, 1, &fit);
  V(grid_sums)(tile, range, &fit, &xq, qq);
  return xq * V(inverse)(*qq);
}

/// The odd multiple of `unit` nearest to `scale`, at least 1 and at most `top`.
VISE_INLINE vf V(odd_multiple)(vf scale, vf unit, float top) {
  vf level = V(nearest)((scale * V(inverse)(unit) - 1.0f) * 0.5f);
  return 2.0f * V(clamped)(level, 0.0f, (top - 1.0f) * 0.5f) + 1.0f;
}

/// The half-float d whose odd multiples hit `targets` best, weighed by `costs`.
VISE_INLINE vf V(odd_unit)(vf targets, vf costs, const vise_iq_range *range) {
  vf largest = V(group_largest)(targets, range->group), best = (vf)0.0f, error = (vf)INFINITY;
  float step = range->top > 20.0f ? 0.5f : 0.25f;
  for (int k = 0; k < 32; k++) {
    float top = range->top + 1.0f - (float)k * step;
    vf d = V(half_rounded)(largest * (1.0f / (top * range->unit)));
    vf unit = d * range->unit;
    vf off = targets - unit * V(odd_multiple)(targets, unit, range->top);
    vf found = V(group_sum)(costs * off * off, range->group);
    best = found < error ? d : best;
    error = V(smaller)(found, error);
  }
  return best;
}

/// Tries the quantized scales near `scale` with real points.
VISE_INLINE void V(search_multiples)(const vise_tile *tile, const vise_iq_range *range,
                                     const vise_grid_runs *runs, vf scale,
                                     vise_iq_scales *scales) {
  vise_grid_fit fit;
  vf unit = scales->d * range->unit;
  vf center = V(odd_multiple)(scale, unit, range->top);
  scales->error = (vf)INFINITY;
  scales->multiple = (vf)1.0f;
  for (int i = -2; i <= 2; i += 2) {
    vf multiple = V(clamped)(center + (float)i, 1.0f, range->top);
    V(fit_grid)(tile, range, runs, unit * multiple, 0, &fit);
    scales->multiple = fit.error < scales->error ? multiple : scales->multiple;
    scales->error = V(smaller)(fit.error, scales->error);
  }
}

VISE_INLINE vise_iq_scales V(fit_scales)(const vise_tile *tile, int weighted,
                                         const vise_iq_range *range,
                                         const vise_grid_runs *runs, vise_grid_fit *fit) {
  vise_iq_scales scales;
  vf xq, qq, start = V(grid_start)(tile, weighted, range, runs, &qq);
  scales.d = V(odd_unit)(start, qq, range);
  V(search_multiples)(tile, range, runs, start, &scales);
  vise_iq_scales best = scales;
  for (int round = 0; round < range->rounds; round++) {
    V(fit_grid)(tile, range, runs, scales.d * range->unit * scales.multiple, 1, fit);
    V(grid_sums)(tile, range, fit, &xq, &qq);
    vf numerator = V(group_sum)(scales.multiple * xq, range->group);
    vf denominator = V(group_sum)(scales.multiple * scales.multiple * qq, range->group);
    vf d = numerator * V(inverse)(denominator) * (1.0f / range->unit);
    scales.d = V(half_rounded)(V(larger)(d, (vf)0.0f));
    V(search_multiples)(tile, range, runs, xq * V(inverse)(qq), &scales);
    vi better = V(group_sum)(scales.error, range->group) < V(group_sum)(best.error, range->group);
    best.d = better ? scales.d : best.d;
    best.multiple = better ? scales.multiple : best.multiple;
    best.error = better ? scales.error : best.error;
  }
  V(fit_grid)(tile, range, runs, best.d * range->unit * best.multiple, 1, fit);
  return best;
}

/// The level l of a lane's scale.
VISE_INLINE uint32_t V(level)(const vise_iq_scales *scales, int lane) {
  return (uint32_t)(int)scales->multiple[lane] >> 1;
}

VISE_INLINE void V(put_u32)(uint8_t *p, uint32_t value) { memcpy(p, &value, sizeof value); }

VISE_INLINE void V(put_iq2_xxs)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                                uint8_t *out) {
  vise_put_half(out, scales->d[lane]);
  for (int sub = 0; sub < 8; sub++) {
    uint32_t rest = V(level)(scales, lane + sub) << 28;
    for (int k = 0; k < 4; k++) {
      out[2 + sub * 8 + k] = (uint8_t)fit->codes[k][lane + sub];
      rest |= (uint32_t)(fit->signs[k][lane + sub] & 127) << 7 * k;
    }
    V(put_u32)(out + 2 + sub * 8 + 4, rest);
  }
}

VISE_INLINE void V(put_iq2_xs)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                               uint8_t *out) {
  vise_put_half(out, scales->d[lane]);
  memset(out + 66, 0, 8);
  for (int sub = 0; sub < 16; sub++) {
    out[66 + sub / 2] |= (uint8_t)(V(level)(scales, lane + sub) << sub % 2 * 4);
    for (int k = 0; k < 2; k++) {
      int code = fit->codes[k][lane + sub] | (fit->signs[k][lane + sub] & 127) << 9;
      vise_put_u16(out + 2 + sub * 4 + k * 2, (uint16_t)code);
    }
  }
}

VISE_INLINE void V(put_iq2_s)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                              uint8_t *out) {
  vise_put_half(out, scales->d[lane]);
  memset(out + 66, 0, 16);
  for (int sub = 0; sub < 16; sub++) {
    out[74 + sub / 2] |= (uint8_t)(V(level)(scales, lane + sub) << sub % 2 * 4);
    for (int k = 0; k < 2; k++) {
      int code = fit->codes[k][lane + sub], point = sub * 2 + k;
      out[2 + point] = (uint8_t)code;
      out[34 + point] = (uint8_t)fit->signs[k][lane + sub];
      out[66 + point / 4] |= (uint8_t)((code >> 8) << point % 4 * 2);
    }
  }
}

VISE_INLINE void V(put_iq3_xxs)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                                uint8_t *out) {
  vise_put_half(out, scales->d[lane]);
  for (int sub = 0; sub < 8; sub++) {
    uint32_t rest = V(level)(scales, lane + sub) << 28;
    for (int k = 0; k < 8; k++) out[2 + sub * 8 + k] = (uint8_t)fit->codes[k][lane + sub];
    for (int k = 0; k < 4; k++) rest |= (uint32_t)(fit->signs[k][lane + sub] & 127) << 7 * k;
    V(put_u32)(out + 66 + sub * 4, rest);
  }
}

VISE_INLINE void V(put_iq3_s)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                              uint8_t *out) {
  vise_put_half(out, scales->d[lane]);
  memset(out + 66, 0, 8);
  memset(out + 106, 0, 4);
  for (int sub = 0; sub < 8; sub++) {
    out[106 + sub / 2] |= (uint8_t)(V(level)(scales, lane + sub) << sub % 2 * 4);
    for (int k = 0; k < 8; k++) {
      int code = fit->codes[k][lane + sub];
      out[2 + sub * 8 + k] = (uint8_t)code;
      out[66 + sub] |= (uint8_t)((code >> 8) << k);
    }
    for (int k = 0; k < 4; k++) out[74 + sub * 4 + k] = (uint8_t)fit->signs[k][lane + sub];
  }
}

VISE_INLINE void V(put_iq1_s)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                              uint8_t *out) {
  vise_put_half(out, scales->d[lane]);
  for (int sub = 0; sub < 8; sub++) {
    uint32_t rest = V(level)(scales, lane + sub) << 12;
    rest |= fit->signs[0][lane + sub] ? 0x8000 : 0;
    for (int k = 0; k < 4; k++) {
      uint32_t code = (uint32_t)fit->codes[k][lane + sub];
      out[2 + sub * 4 + k] = (uint8_t)code;
      rest |= (code >> 8) << 3 * k;
    }
    vise_put_u16(out + 34 + sub * 2, (uint16_t)rest);
  }
}

/// The half-float d goes into the high nibbles of the four words of 3-bit levels.
VISE_INLINE void V(put_iq1_m)(const vise_iq_scales *scales, const vise_grid_fit *fit, int lane,
                              uint8_t *out) {
  uint32_t half = vise_half_bits(scales->d[lane]);
  uint32_t words[4];
  for (int k = 0; k < 4; k++) words[k] = (half >> 4 * k & 15) << 12;
  for (int sub = 0; sub < 16; sub++) {
    words[sub / 4] |= V(level)(scales, lane + sub) << sub % 4 * 3;
    uint32_t high = 0;
    for (int k = 0; k < 2; k++) {
      uint32_t code = (uint32_t)fit->codes[k][lane + sub];
      out[sub * 2 + k] = (uint8_t)code;
      high |= (code >> 8 | (fit->signs[k][lane + sub] ? 8u : 0u)) << 4 * k;
    }
    out[32 + sub] = (uint8_t)high;
  }
  for (int k = 0; k < 4; k++) vise_put_u16(out + 48 + k * 2, (uint16_t)words[k]);
}

/// Defines V(encode_<name>): a tile of 16 / group super-blocks at a time.
#define ENCODE_SUPER_BLOCKS(name, bytes)                                                        \
  static void V(encode_##name)(const float *x, uint8_t *out, int64_t blocks,                    \
                               const float *importance, int64_t period) {                       \
    const vise_iq_range *range = &vise_##name##_range;                                          \
    vise_grid_runs runs;                                                                        \
    vise_tile tile;                                                                             \
    vise_grid_fit fit;                                                                          \
    int64_t step = 16 / range->group;                                                           \
    V(make_runs)(range, &runs);                                                                 \
    for (int i = 0; i < 32; i++) tile.w[i] = (vf)1.0f;                                          \
    for (int64_t first = 0; first < blocks; first += step) {                                    \
      int64_t count = blocks - first < step ? blocks - first : step;                            \
      V(load_tile)(&tile, x + first * 256, count * range->group, range->length);                \
      if (importance) {                                                                         \
        V(load_importance)(&tile, importance, first * range->group, period * range->group,      \
                           range->length);                                                      \
      }                                                                                         \
      vise_iq_scales scales = V(fit_scales)(&tile, importance != NULL, range, &runs, &fit);     \
      for (int64_t k = 0; k < count; k++) {                                                     \
        V(put_##name)(&scales, &fit, (int)k * range->group, out + (first + k) * (bytes));       \
      }                                                                                         \
    }                                                                                           \
  }

ENCODE_SUPER_BLOCKS(iq2_xxs, 66)
ENCODE_SUPER_BLOCKS(iq2_xs, 74)
ENCODE_SUPER_BLOCKS(iq2_s, 82)
ENCODE_SUPER_BLOCKS(iq3_xxs, 98)
ENCODE_SUPER_BLOCKS(iq3_s, 110)
ENCODE_SUPER_BLOCKS(iq1_s, 50)
ENCODE_SUPER_BLOCKS(iq1_m, 56)
#undef ENCODE_SUPER_BLOCKS
