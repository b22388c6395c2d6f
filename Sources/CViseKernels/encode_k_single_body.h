// Encoders of Q3_K, Q6_K and IQ4_XS, value = d·sc·q with signed sc: the body of encode_k_single.c.
// A lane is a sub-block; `group` lanes share d.
#include "tile_body.h"

#include "iq4_body.h"

#ifndef VISE_SINGLE_TYPES
#define VISE_SINGLE_TYPES

/// A fit of a super-block, and the error it leaves in each lane.
typedef struct {
  vf d, sc, error;
} vise_single_fit;
#endif

VISE_INLINE vf V(single_code)(vf v, const vise_single_range *range) {
  if (range->is_codebook) return V(nearest_iq4)(v);
  return V(clamped)(V(nearest)(v), range->low, range->high);
}

VISE_INLINE vf V(single_error)(const vise_tile *tile, int weighted, const vise_single_range *range,
                               vf s) {
  vf inverse = V(inverse)(s), error = (vf)0.0f;
  for (int i = 0; i < range->length; i++) {
    vf off = tile->x[i] - s * V(single_code)(tile->x[i] * inverse, range);
    error += weighted ? tile->w[i] * off * off : off * off;
  }
  return error;
}

/// Σ w x q and Σ w q² over the codes of scale 1 / `inverse`.
VISE_INLINE void V(single_sums)(const vise_tile *tile, int weighted,
                                const vise_single_range *range, vf inverse, vf *xq, vf *qq) {
  *xq = *qq = (vf)0.0f;
  for (int i = 0; i < range->length; i++) {
    vf q = V(single_code)(tile->x[i] * inverse, range);
    vf wq = weighted ? tile->w[i] * q : q;
    *xq += wq * tile->x[i];
    *qq += wq * q;
  }
}

/// The best unquantized scale of each lane, and Σ w q² at its codes.
VISE_INLINE vf V(single_start)(const vise_tile *tile, int weighted,
                               const vise_single_range *range, vf *best_qq) {
  int starts = weighted ? range->weighted_count : range->start_count;
  vf largest = (vf)0.0f, extreme = (vf)0.0f;
  for (int i = 0; i < range->length; i++) {
    vf magnitude = V(magnitude)(tile->x[i]);
    extreme = magnitude > largest ? tile->x[i] : extreme;
    largest = V(larger)(magnitude, largest);
  }
  vf per_extreme = V(inverse)(extreme), best = (vf)0.0f, gain = (vf)0.0f;
  *best_qq = (vf)0.0f;
  for (int k = 0; k < starts; k++) {
    vf xq, qq;
    V(single_sums)(tile, weighted, range, per_extreme * range->starts[k], &xq, &qq);
    vf fit = xq * V(inverse)(qq);
    vi better = fit * xq > gain;
    gain = better ? fit * xq : gain;
    best = better ? fit : best;
    *best_qq = better ? qq : *best_qq;
  }
  return best;
}

/// The half-float unit whose multiples hit `targets` best; the extreme target's sign is flipped
/// so that it meets the longer, negative side of the quantized scales.
VISE_INLINE vf V(signed_unit)(vf targets, vf costs, const vise_single_range *range) {
  vf largest = V(group_largest)(targets, range->group);
  vf smallest = -V(group_largest)(-targets, range->group);
  vf extreme = -smallest > largest ? smallest : largest, best = (vf)0.0f, error = (vf)INFINITY;
  for (int k = 0; k < 24; k++) {
    float code = range->scale_low - 1.0f + (float)k;
    vf unit = V(half_rounded)(extreme * (1.0f / code));
    vf multiple = V(clamped)(V(nearest)(targets * V(inverse)(unit)), range->scale_low,
                             range->scale_high);
    vf off = targets - unit * multiple;
    vf found = V(group_sum)(costs * off * off, range->group);
    best = found < error ? unit : best;
    error = V(smaller)(found, error);
  }
  return best;
}

/// Tries the quantized scales near s, with real codes.
VISE_INLINE void V(single_search)(const vise_tile *tile, int weighted,
                                  const vise_single_range *range, vf s, vise_single_fit *fit) {
  vf center = V(nearest)(s * V(inverse)(fit->d));
  fit->error = (vf)INFINITY;
  fit->sc = (vf)0.0f;
  for (int i = -range->reach; i <= range->reach; i++) {
    vf sc = V(clamped)(center + (float)i, range->scale_low, range->scale_high);
    vf found = V(single_error)(tile, weighted, range, fit->d * sc);
    fit->sc = found < fit->error ? sc : fit->sc;
    fit->error = V(smaller)(found, fit->error);
  }
}

VISE_INLINE vise_single_fit V(fit_singles)(const vise_tile *tile, int weighted,
                                           const vise_single_range *range) {
  vise_single_fit fit;
  vf xq, qq, s = V(single_start)(tile, weighted, range, &qq);
  fit.d = V(signed_unit)(s, qq, range);
  V(single_search)(tile, weighted, range, s, &fit);
  vise_single_fit best = fit;
  for (int round = 0; round < range->rounds; round++) {
    V(single_sums)(tile, weighted, range, V(inverse)(fit.d * fit.sc), &xq, &qq);
    vf numerator = V(group_sum)(fit.sc * xq, range->group);
    vf denominator = V(group_sum)(fit.sc * fit.sc * qq, range->group);
    fit.d = V(half_rounded)(numerator * V(inverse)(denominator));
    V(single_search)(tile, weighted, range, xq * V(inverse)(qq), &fit);
    vi better = V(group_sum)(fit.error, range->group) < V(group_sum)(best.error, range->group);
    best.d = better ? fit.d : best.d;
    best.sc = better ? fit.sc : best.sc;
    best.error = better ? fit.error : best.error;
  }
  return best;
}

/// The 256 codes of a super-block plus `bias`, computed as in the tiles.
VISE_INLINE void V(single_codes)(const float *restrict x, const vise_single_fit *fit,
                                 const vise_single_range *range, int bias,
                                 uint8_t *restrict codes) {
  for (int sub = 0; sub < 16; sub++) {
    float s = fit->d[sub] * fit->sc[sub], inverse = s == 0.0f ? 0.0f : 1.0f / s;
    for (int i = sub * 16; i < sub * 16 + 16; i++) {
      float q = V(nearest_one)(V(sane)(x[i]) * inverse);
      q = q > range->low ? q : range->low;
      codes[i] = (uint8_t)((int)(q < range->high ? q : range->high) + bias);
    }
  }
}

VISE_INLINE void V(put_q3_k)(const float *x, const vise_single_fit *fit, int lane, uint8_t *out) {
  (void)lane;
  uint8_t codes[256];
  V(single_codes)(x, fit, &vise_q3_k_range, 4, codes);
  memset(out, 0, 32);
  for (int bit = 0; bit < 8; bit++) {
    for (int i = 0; i < 32; i++) out[i] |= (uint8_t)((codes[bit * 32 + i] >> 2) << bit);
  }
  for (int half = 0; half < 2; half++) {
    const uint8_t *c = codes + half * 128;
    uint8_t *qs = out + 32 + half * 32;
    for (int i = 0; i < 32; i++) {
      qs[i] = (uint8_t)((c[i] & 3) | (c[32 + i] & 3) << 2 | (c[64 + i] & 3) << 4 |
                        (c[96 + i] & 3) << 6);
    }
  }
  memset(out + 96, 0, 12);
  for (int sub = 0; sub < 16; sub++) {
    int sc = (int)fit->sc[sub] + 32;
    out[96 + sub % 8] |= (uint8_t)((sc & 15) << (sub / 8 * 4));
    out[104 + sub % 4] |= (uint8_t)((sc >> 4) << (sub / 4 * 2));
  }
  vise_put_half(out + 108, fit->d[0]);
}

VISE_INLINE void V(put_q6_k)(const float *x, const vise_single_fit *fit, int lane, uint8_t *out) {
  (void)lane;
  uint8_t codes[256];
  V(single_codes)(x, fit, &vise_q6_k_range, 32, codes);
  for (int half = 0; half < 2; half++) {
    const uint8_t *c = codes + half * 128;
    uint8_t *low = out + half * 64, *high = out + 128 + half * 32;
    for (int i = 0; i < 64; i++) low[i] = (uint8_t)((c[i] & 15) | (c[64 + i] & 15) << 4);
    for (int i = 0; i < 32; i++) {
      high[i] = (uint8_t)(c[i] >> 4 | (c[32 + i] >> 4) << 2 | (c[64 + i] >> 4) << 4 |
                          (c[96 + i] >> 4) << 6);
    }
  }
  for (int sub = 0; sub < 16; sub++) out[192 + sub] = (uint8_t)(int8_t)fit->sc[sub];
  vise_put_half(out + 208, fit->d[0]);
}

VISE_INLINE void V(put_iq4_xs)(const float *x, const vise_single_fit *fit, int lane,
                               uint8_t *out) {
  uint32_t high = 0;
  memset(out + 4, 0, 4);
  for (int sub = 0; sub < 8; sub++) {
    uint8_t codes[32];
    uint32_t sc = (uint32_t)((int)fit->sc[lane + sub] + 32);
    out[4 + sub / 2] |= (uint8_t)((sc & 15) << sub % 2 * 4);
    high |= (sc >> 4) << 2 * sub;
    V(iq4_codes)(x + sub * 32, fit->d[lane + sub] * fit->sc[lane + sub], codes);
    V(put_nibbles)(codes, out + 8 + sub * 16);
  }
  vise_put_half(out, fit->d[lane]);
  vise_put_u16(out + 2, (uint16_t)high);
}

VISE_ENCODE_SUPER(single, q3_k, 110)
VISE_ENCODE_SUPER(single, q6_k, 210)
VISE_ENCODE_SUPER(single, iq4_xs, 136)
