// Encoders of 32-weight blocks: the body of encode_legacy.c.
//
// Minimise Σ w (x − value)² by alternating least squares from several starts: codes by rounding
// at a scale, then the best scale for these codes. The last scales are half floats and the codes
// are those of the rounded scales.
#include "tile_body.h"

#include "iq4_body.h"

#include "encode_ranges.h"

VISE_INLINE vf V(symmetric_code)(vf v, const vise_symmetric_range *range) {
  if (range->high == 113.0f) return V(nearest_iq4)(v);
  return V(clamped)(V(nearest)(v), range->low, range->high);
}

/// Sums over the codes that scale 1 / `inverse` gives: Σ w x q and Σ w q².
VISE_INLINE void V(symmetric_sums)(const vise_tile *tile, int weighted, vf inverse,
                                   const vise_symmetric_range *range, vf *xq, vf *qq) {
  *xq = *qq = (vf)0.0f;
  for (int i = 0; i < 32; i++) {
    vf q = V(symmetric_code)(tile->x[i] * inverse, range);
    vf wq = weighted ? tile->w[i] * q : q;
    *xq += wq * tile->x[i];
    *qq += wq * q;
  }
}

/// Rounds `scale` to half, sums at its codes, and returns the error they leave.
VISE_INLINE vf V(symmetric_error)(const vise_tile *tile, int weighted, vf scale,
                                  const vise_symmetric_range *range, vf *refit) {
  vf inverse = V(inverse)(scale), error = (vf)0.0f, xq = (vf)0.0f, qq = (vf)0.0f;
  for (int i = 0; i < 32; i++) {
    vf q = V(symmetric_code)(tile->x[i] * inverse, range);
    vf wq = weighted ? tile->w[i] * q : q;
    vf off = tile->x[i] - scale * q;
    error += weighted ? tile->w[i] * off * off : off * off;
    xq += wq * tile->x[i];
    qq += wq * q;
  }
  *refit = xq * V(inverse)(qq);
  return error;
}

/// The half-float scale of each block, refitted `rounds` times, and once more with importance.
VISE_INLINE vf V(symmetric_scale)(const vise_tile *tile, int weighted,
                                  const vise_symmetric_range *range, int rounds) {
  vf largest = (vf)0.0f, extreme = (vf)0.0f;
  for (int i = 0; i < 32; i++) {
    vf magnitude = V(magnitude)(tile->x[i]);
    extreme = magnitude > largest ? tile->x[i] : extreme;
    largest = V(larger)(magnitude, largest);
  }
  int starts = weighted ? range->weighted_count : range->start_count;
  vf per_extreme = V(inverse)(extreme), scale = (vf)0.0f, gain = (vf)0.0f;
  for (int k = 0; k < starts; k++) {
    vf xq, qq;
    V(symmetric_sums)(tile, weighted, per_extreme * range->starts[k], range, &xq, &qq);
    vf fit = xq * V(inverse)(qq);
    vi better = fit * xq > gain;
    gain = better ? fit * xq : gain;
    scale = better ? fit : scale;
  }
  vf best = V(half_rounded)(scale), refit;
  vf error = V(symmetric_error)(tile, weighted, best, range, &refit);
  for (int round = 0; round < rounds + weighted; round++) {
    vf candidate = V(half_rounded)(refit);
    vf found = V(symmetric_error)(tile, weighted, candidate, range, &refit);
    best = found < error ? candidate : best;
    error = V(smaller)(found, error);
  }
  return best;
}

/// The error at half-float scale and offset, and the least-squares pair for the codes they give.
VISE_INLINE vf V(shifted_error)(const vise_tile *tile, int weighted, vf scale, vf offset,
                                float high, vf *refit_scale, vf *refit_offset) {
  vf inverse = V(inverse)(scale), error = (vf)0.0f;
  vf total = (vf)0.0f, x = (vf)0.0f, q1 = (vf)0.0f, qq = (vf)0.0f, xq = (vf)0.0f;
  for (int i = 0; i < 32; i++) {
    vf q = V(clamped)(V(nearest)((tile->x[i] - offset) * inverse), 0.0f, high);
    vf off = tile->x[i] - (scale * q + offset);
    vf w = weighted ? tile->w[i] : (vf)1.0f;
    error += w * off * off;
    total += w;
    x += w * tile->x[i];
    q1 += w * q;
    qq += w * q * q;
    xq += w * q * tile->x[i];
  }
  vf per_total = 1.0f / total;
  *refit_scale = (xq - x * q1 * per_total) * V(inverse)(qq - q1 * q1 * per_total);
  *refit_offset = (x - *refit_scale * q1) * per_total;
  return error;
}

/// The centred tile's best starting fit: x − center ≈ scale · q + offset.
VISE_INLINE void V(shifted_start)(const vise_tile *tile, int weighted, vf center, vf low, vf high,
                                  const vise_shifted_range *range, vf *scale, vf *offset) {
  int starts = weighted ? range->weighted_count : range->start_count;
  vf step = (high - low) * (1.0f / range->high), gain = (vf)-1.0f, total = (vf)0.0f;
  for (int i = 0; i < 32; i++) total += weighted ? tile->w[i] : (vf)1.0f;
  vf per_total = 1.0f / total;
  *scale = (vf)0.0f;
  *offset = center;
  for (int k = 0; k < starts; k++) {
    vf inverse = V(inverse)(high - low) * (range->high + range->spans[k]);
    vf base = low + step * range->shifts[k];
    vf q1 = (vf)0.0f, qq = (vf)0.0f, xq = (vf)0.0f;
    for (int i = 0; i < 32; i++) {
      vf q = V(clamped)(V(nearest)((tile->x[i] - base) * inverse), 0.0f, range->high);
      vf wq = weighted ? tile->w[i] * q : q;
      q1 += wq;
      qq += wq * q;
      xq += wq * (tile->x[i] - center);
    }
    vf fit = xq * V(inverse)(qq - q1 * q1 * per_total);
    vi better = fit * xq > gain;
    gain = better ? fit * xq : gain;
    *scale = better ? fit : *scale;
    *offset = better ? center - fit * q1 * per_total : *offset;
  }
}

/// The half-float scale and offset of each block; importance earns two more rounds of refitting.
VISE_INLINE void V(shifted_fit)(const vise_tile *tile, int weighted,
                                const vise_shifted_range *range, int rounds, vf *scale,
                                vf *offset) {
  vf low = tile->x[0], high = tile->x[0], sum = (vf)0.0f, total = (vf)0.0f;
  for (int i = 0; i < 32; i++) {
    vf w = weighted ? tile->w[i] : (vf)1.0f;
    low = V(smaller)(tile->x[i], low);
    high = V(larger)(tile->x[i], high);
    sum += w * tile->x[i];
    total += w;
  }
  vf next_scale, next_offset;
  V(shifted_start)(tile, weighted, sum / total, low, high, range, &next_scale, &next_offset);
  vf error = (vf)INFINITY;
  for (int round = 0; round < rounds + 2 * weighted; round++) {
    vf s = V(half_rounded)(next_scale), o = V(half_rounded)(next_offset);
    vf found = V(shifted_error)(tile, weighted, s, o, range->high, &next_scale, &next_offset);
    *scale = found < error ? s : *scale;
    *offset = found < error ? o : *offset;
    error = V(smaller)(found, error);
  }
}

/// The doubled e2m1 value nearest to `v`: steps of 1 to 4, of 2 to 8, and 12.
VISE_INLINE vf V(nearest_e2m1)(vf v) {
  vf a = V(magnitude)(v);
  vf step = a >= 8.0f ? (vf)4.0f : a >= 4.0f ? (vf)2.0f : (vf)1.0f;
  vf per_step = a >= 8.0f ? (vf)0.25f : a >= 4.0f ? (vf)0.5f : (vf)1.0f;
  vf value = V(smaller)(V(nearest)(a * per_step) * step, (vf)12.0f);
  return v < 0.0f ? -value : value;
}

/// The power of two of each block: of those that put its largest weight between 4 and 32 the best.
VISE_INLINE vf V(power_scale)(const vise_tile *tile, int weighted) {
  vf largest = (vf)0.0f, best = (vf)0.0f, error = (vf)INFINITY;
  for (int i = 0; i < 32; i++) largest = V(larger)(V(magnitude)(tile->x[i]), largest);
  // Down to 2⁻¹¹⁷; weights that small are stored as zeros.
  vi exponent = V(bits)(V(larger)(largest, (vf)0x1p-113f)) >> 23;
  for (int k = -4; k <= -2; k++) {
    vf scale = V(from_bits)((exponent + k) << 23), found = (vf)0.0f;
    vf inverse = V(from_bits)((254 - exponent - k) << 23);
    for (int i = 0; i < 32; i++) {
      vf off = tile->x[i] - scale * V(nearest_e2m1)(tile->x[i] * inverse);
      found += weighted ? tile->w[i] * off * off : off * off;
    }
    best = found < error ? scale : best;
    error = V(smaller)(found, error);
  }
  return best;
}

/// The code of one weight, computed as in the tiles.
VISE_INLINE int V(code)(float x, float offset, float inverse, float low, float high) {
  float q = V(nearest_one)((V(sane)(x) - offset) * inverse);
  q = q > low ? q : low;
  return (int)(q < high ? q : high);
}

/// Gathers bit 4 of 32 codes: the product moves the low bit of byte i to bit 56 + i.
VISE_INLINE void V(put_fifth_bits)(const uint8_t *restrict codes, uint8_t *restrict out) {
  for (int i = 0; i < 4; i++) {
    uint64_t eight;
    memcpy(&eight, codes + 8 * i, sizeof eight);
    out[i] = (uint8_t)(((eight >> 4 & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
  }
}

VISE_INLINE void V(codes)(const float *restrict x, float offset, float scale, float low,
                          float high, int bias, uint8_t *restrict codes) {
  float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  for (int i = 0; i < 32; i++) {
    codes[i] = (uint8_t)(V(code)(x[i], offset, inverse, low, high) + bias);
  }
}

VISE_INLINE void V(put_q4_0)(const float *x, float scale, float offset, uint8_t *out) {
  uint8_t codes[32];
  V(codes)(x, offset, scale, -8, 7, 8, codes);
  vise_put_half(out, scale);
  V(put_nibbles)(codes, out + 2);
}

VISE_INLINE void V(put_q5_0)(const float *x, float scale, float offset, uint8_t *out) {
  uint8_t codes[32];
  V(codes)(x, offset, scale, -16, 15, 16, codes);
  vise_put_half(out, scale);
  V(put_fifth_bits)(codes, out + 2);
  V(put_nibbles)(codes, out + 6);
}

VISE_INLINE void V(put_q8_0)(const float *x, float scale, float offset, uint8_t *out) {
  vise_put_half(out, scale);
  V(codes)(x, offset, scale, -127, 127, 0, out + 2);
}

VISE_INLINE void V(put_q4_1)(const float *x, float scale, float offset, uint8_t *out) {
  uint8_t codes[32];
  V(codes)(x, offset, scale, 0, 15, 0, codes);
  vise_put_half(out, scale);
  vise_put_half(out + 2, offset);
  V(put_nibbles)(codes, out + 4);
}

VISE_INLINE void V(put_q5_1)(const float *x, float scale, float offset, uint8_t *out) {
  uint8_t codes[32];
  V(codes)(x, offset, scale, 0, 31, 0, codes);
  vise_put_half(out, scale);
  vise_put_half(out + 2, offset);
  V(put_fifth_bits)(codes, out + 4);
  V(put_nibbles)(codes, out + 8);
}

VISE_INLINE void V(put_iq4_nl)(const float *x, float scale, float offset, uint8_t *out) {
  (void)offset;
  uint8_t codes[32];
  V(iq4_codes)(x, scale, codes);
  vise_put_half(out, scale);
  V(put_nibbles)(codes, out + 2);
}

VISE_INLINE void V(put_mxfp4)(const float *x, float scale, float offset, uint8_t *out) {
  (void)offset;
  uint8_t codes[32];
  float inverse = 1.0f / scale;
  for (int i = 0; i < 32; i++) {
    float v = V(sane)(x[i]) * inverse, a = v < 0.0f ? -v : v;
    int code = (a > 0.5f) + (a > 1.5f) + (a > 2.5f) + (a > 3.5f) + (a > 5.0f) + (a > 7.0f);
    codes[i] = (uint8_t)(code + (a > 10.0f) + (v < 0.0f) * 8);
  }
  // The exponent byte is that of twice the scale: e8m0 has a bias of 127, the values are doubled.
  out[0] = (uint8_t)((vise_bits_of_float(scale) >> 23) + 1);
  V(put_nibbles)(codes, out + 1);
}

/// Defines V(encode_<name>): a tile at a time, FIT sets `scale` and `offset`, V(put_<name>) writes.
#define ENCODE_TILES(name, bytes, FIT)                                                       \
  static void V(encode_##name)(const float *x, uint8_t *out, int64_t blocks,                 \
                               const float *importance, int64_t period) {                    \
    vise_tile tile;                                                                          \
    for (int64_t first = 0; first < blocks; first += 16) {                                   \
      int64_t count = blocks - first < 16 ? blocks - first : 16;                             \
      vf scale = (vf)0.0f, offset = (vf)0.0f;                                                \
      V(load_tile)(&tile, x + first * 32, count, 32);                                        \
      if (importance) {                                                                      \
        V(load_importance)(&tile, importance, first, period, 32);                            \
        FIT(1)                                                                               \
      } else {                                                                               \
        FIT(0)                                                                               \
      }                                                                                      \
      for (int64_t lane = 0; lane < count; lane++) {                                         \
        int64_t block = first + lane;                                                        \
        V(put_##name)(x + block * 32, scale[lane], offset[lane], out + block * (bytes));     \
      }                                                                                      \
    }                                                                                        \
  }

#define FIT(weighted) scale = V(symmetric_scale)(&tile, weighted, &vise_q4_0_range, 1);
ENCODE_TILES(q4_0, 18, FIT)
#undef FIT
#define FIT(weighted) scale = V(symmetric_scale)(&tile, weighted, &vise_q5_0_range, 1);
ENCODE_TILES(q5_0, 22, FIT)
#undef FIT
#define FIT(weighted) scale = V(symmetric_scale)(&tile, weighted, &vise_q8_0_range, 1);
ENCODE_TILES(q8_0, 34, FIT)
#undef FIT
#define FIT(weighted) scale = V(symmetric_scale)(&tile, weighted, &vise_iq4_nl_range, 2);
ENCODE_TILES(iq4_nl, 18, FIT)
#undef FIT
#define FIT(weighted) V(shifted_fit)(&tile, weighted, &vise_q4_1_range, 2, &scale, &offset);
ENCODE_TILES(q4_1, 20, FIT)
#undef FIT
#define FIT(weighted) V(shifted_fit)(&tile, weighted, &vise_q5_1_range, 2, &scale, &offset);
ENCODE_TILES(q5_1, 24, FIT)
#undef FIT
#define FIT(weighted) scale = V(power_scale)(&tile, weighted);
ENCODE_TILES(mxfp4, 17, FIT)
#undef FIT
#undef ENCODE_TILES
