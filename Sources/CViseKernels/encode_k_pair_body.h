// Encoders of Q2_K, Q4_K and Q5_K: the body of encode_k_pair.c.
#include "tile_body.h"
#include "k_pair_fit_body.h"

/// The codes of one sub-block, computed as in the tiles.
VISE_INLINE void V(pair_codes)(const float *restrict x, int length, float s, float m, float high,
                               uint8_t *restrict codes) {
  float inverse = s == 0.0f ? 0.0f : 1.0f / s;
  for (int i = 0; i < length; i++) {
    float q = V(nearest_one)((V(sane)(x[i]) + m) * inverse);
    q = q > 0.0f ? q : 0.0f;
    codes[i] = (uint8_t)(int)(q < high ? q : high);
  }
}

/// The 256 codes of the super-block whose first lane is `lane`.
VISE_INLINE void V(all_pair_codes)(const float *restrict x, const vise_pair_fit *fit, int lane,
                                   const vise_pair_range *range, uint8_t *restrict codes) {
  for (int sub = 0; sub < range->group; sub++) {
    float s = fit->d[lane + sub] * fit->sc[lane + sub];
    float m = fit->dmin[lane + sub] * fit->mn[lane + sub];
    V(pair_codes)(x + sub * range->length, range->length, s, m, range->codes,
                  codes + sub * range->length);
  }
}

VISE_INLINE void V(put_q2_k)(const float *x, const vise_pair_fit *fit, int lane, uint8_t *out) {
  uint8_t codes[256];
  V(all_pair_codes)(x, fit, lane, &vise_q2_k_range, codes);
  for (int sub = 0; sub < 16; sub++) {
    out[sub] = (uint8_t)((int)fit->sc[lane + sub] | (int)fit->mn[lane + sub] << 4);
  }
  for (int half = 0; half < 2; half++) {
    const uint8_t *c = codes + half * 128;
    uint8_t *qs = out + 16 + half * 32;
    for (int i = 0; i < 32; i++) {
      qs[i] = (uint8_t)(c[i] | c[32 + i] << 2 | c[64 + i] << 4 | c[96 + i] << 6);
    }
  }
  vise_put_half(out + 80, fit->d[lane]);
  vise_put_half(out + 82, fit->dmin[lane]);
}

/// Packs eight 6-bit scales and minima into 12 bytes.
VISE_INLINE void V(put_k_scales)(const vise_pair_fit *fit, int lane, uint8_t *out) {
  for (int sub = 0; sub < 4; sub++) {
    int sc = (int)fit->sc[lane + sub], mn = (int)fit->mn[lane + sub];
    int late_sc = (int)fit->sc[lane + sub + 4], late_mn = (int)fit->mn[lane + sub + 4];
    out[sub] = (uint8_t)(sc | (late_sc >> 4) << 6);
    out[4 + sub] = (uint8_t)(mn | (late_mn >> 4) << 6);
    out[8 + sub] = (uint8_t)((late_sc & 15) | (late_mn & 15) << 4);
  }
}

/// Packs the low nibbles of 256 codes: sub-blocks 2k and 2k + 1 share 32 bytes.
VISE_INLINE void V(put_k_nibbles)(const uint8_t *restrict codes, uint8_t *restrict out) {
  for (int pair = 0; pair < 4; pair++) {
    const uint8_t *c = codes + pair * 64;
    for (int i = 0; i < 32; i++) {
      out[pair * 32 + i] = (uint8_t)((c[i] & 15) | (c[32 + i] & 15) << 4);
    }
  }
}

VISE_INLINE void V(put_q4_k)(const float *x, const vise_pair_fit *fit, int lane, uint8_t *out) {
  uint8_t codes[256];
  V(all_pair_codes)(x, fit, lane, &vise_q4_k_range, codes);
  vise_put_half(out, fit->d[lane]);
  vise_put_half(out + 2, fit->dmin[lane]);
  V(put_k_scales)(fit, lane, out + 4);
  V(put_k_nibbles)(codes, out + 16);
}

VISE_INLINE void V(put_q5_k)(const float *x, const vise_pair_fit *fit, int lane, uint8_t *out) {
  uint8_t codes[256], high[32] = {0};
  V(all_pair_codes)(x, fit, lane, &vise_q5_k_range, codes);
  vise_put_half(out, fit->d[lane]);
  vise_put_half(out + 2, fit->dmin[lane]);
  V(put_k_scales)(fit, lane, out + 4);
  for (int sub = 0; sub < 8; sub++) {
    for (int i = 0; i < 32; i++) high[i] |= (uint8_t)((codes[sub * 32 + i] >> 4) << sub);
  }
  memcpy(out + 16, high, sizeof high);
  V(put_k_nibbles)(codes, out + 48);
}

VISE_ENCODE_SUPER(pair, q2_k, 84)
VISE_ENCODE_SUPER(pair, q4_k, 144)
VISE_ENCODE_SUPER(pair, q5_k, 176)
