#include "block_parts.h"

#include <math.h>
#include <string.h>

/// Codes 0 … 255, one a weight; the layouts below move them to and from a block's bits.
typedef uint8_t codes256[256];

static void nibbles_out(const uint8_t *q, int pairs, uint8_t *codes) {
  for (int i = 0; i < pairs; i++) {
    codes[i] = q[i] & 15;
    codes[i + pairs] = q[i] >> 4;
  }
}

static void nibbles_in(const uint8_t *codes, int pairs, uint8_t *q) {
  for (int i = 0; i < pairs; i++) q[i] = (uint8_t)((codes[i] & 15) | (codes[i + pairs] & 15) << 4);
}

/// Two bits a code: 128 codes in 32 bytes, plane after plane.
static void planes_out(const uint8_t *q, uint8_t *codes) {
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < 128; i++) {
      codes[half * 128 + i] = q[half * 32 + i % 32] >> (i / 32 * 2) & 3;
    }
  }
}

static void planes_in(const uint8_t *codes, uint8_t *q) {
  memset(q, 0, 64);
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < 128; i++) {
      q[half * 32 + i % 32] |= (uint8_t)((codes[half * 128 + i] & 3) << (i / 32 * 2));
    }
  }
}

/// One more bit a code: bit `shift` of code sub·32 + i is bit sub of byte i.
static void high_bits_out(const uint8_t *q, int shift, uint8_t *codes) {
  for (int i = 0; i < 256; i++) codes[i] |= (uint8_t)((q[i % 32] >> (i / 32) & 1) << shift);
}

static void high_bits_in(const uint8_t *codes, int shift, uint8_t *q) {
  memset(q, 0, 32);
  for (int i = 0; i < 256; i++) q[i % 32] |= (uint8_t)((codes[i] >> shift & 1) << (i / 32));
}

/// Eight 6-bit scales and minima in 12 bytes, as Q4_K and Q5_K have them.
static void k_scales_out(const uint8_t *p, vise_block_parts *parts) {
  for (int sub = 0; sub < 4; sub++) {
    parts->sc[sub] = (float)(p[sub] & 63);
    parts->mn[sub] = (float)(p[4 + sub] & 63);
    parts->sc[4 + sub] = (float)((p[8 + sub] & 15) | (p[sub] >> 6) << 4);
    parts->mn[4 + sub] = (float)((p[8 + sub] >> 4) | (p[4 + sub] >> 6) << 4);
  }
}

static void k_scales_in(const vise_block_parts *parts, uint8_t *p) {
  for (int sub = 0; sub < 4; sub++) {
    int sc = (int)parts->sc[sub], mn = (int)parts->mn[sub];
    int late_sc = (int)parts->sc[sub + 4], late_mn = (int)parts->mn[sub + 4];
    p[sub] = (uint8_t)(sc | (late_sc >> 4) << 6);
    p[4 + sub] = (uint8_t)(mn | (late_mn >> 4) << 6);
    p[8 + sub] = (uint8_t)((late_sc & 15) | (late_mn & 15) << 4);
  }
}

static void k_nibbles_out(const uint8_t *q, uint8_t *codes) {
  for (int pair = 0; pair < 4; pair++) nibbles_out(q + pair * 32, 32, codes + pair * 64);
}

static void k_nibbles_in(const uint8_t *codes, uint8_t *q) {
  for (int pair = 0; pair < 4; pair++) nibbles_in(codes + pair * 64, 32, q + pair * 32);
}

static void q3_scales_out(const uint8_t *p, vise_block_parts *parts) {
  for (int sub = 0; sub < 16; sub++) {
    int low = p[sub % 8] >> (sub / 8 * 4) & 15, high = p[8 + sub % 4] >> (sub / 4 * 2) & 3;
    parts->sc[sub] = (float)((low | high << 4) - 32);
  }
}

static void q3_scales_in(const vise_block_parts *parts, uint8_t *p) {
  memset(p, 0, 12);
  for (int sub = 0; sub < 16; sub++) {
    int sc = (int)parts->sc[sub] + 32;
    p[sub % 8] |= (uint8_t)((sc & 15) << (sub / 8 * 4));
    p[8 + sub % 4] |= (uint8_t)((sc >> 4) << (sub / 4 * 2));
  }
}

static void q6_codes_out(const uint8_t *p, uint8_t *codes) {
  for (int half = 0; half < 2; half++) {
    nibbles_out(p + half * 64, 64, codes + half * 128);
    for (int i = 0; i < 128; i++) {
      codes[half * 128 + i] |= (uint8_t)((p[128 + half * 32 + i % 32] >> (i / 32 * 2) & 3) << 4);
    }
  }
}

static void q6_codes_in(const uint8_t *codes, uint8_t *p) {
  memset(p + 128, 0, 64);
  for (int half = 0; half < 2; half++) {
    nibbles_in(codes + half * 128, 64, p + half * 64);
    for (int i = 0; i < 128; i++) {
      p[128 + half * 32 + i % 32] |= (uint8_t)((codes[half * 128 + i] >> 4 & 3) << (i / 32 * 2));
    }
  }
}

static void iq4_xs_out(const uint8_t *p, vise_block_parts *parts, uint8_t *codes) {
  uint16_t high = vise_u16(p + 2);
  for (int sub = 0; sub < 8; sub++) {
    int low = p[4 + sub / 2] >> (sub % 2 * 4) & 15;
    parts->sc[sub] = (float)((low | (high >> (2 * sub) & 3) << 4) - 32);
    nibbles_out(p + 8 + sub * 16, 16, codes + sub * 32);
  }
}

static void iq4_xs_in(const vise_block_parts *parts, const uint8_t *codes, uint8_t *p) {
  uint16_t high = 0;
  memset(p + 4, 0, 4);
  for (int sub = 0; sub < 8; sub++) {
    int sc = (int)parts->sc[sub] + 32;
    p[4 + sub / 2] |= (uint8_t)((sc & 15) << (sub % 2 * 4));
    high |= (uint16_t)((sc >> 4) << (2 * sub));
    nibbles_in(codes + sub * 32, 16, p + 8 + sub * 16);
  }
  vise_put_u16(p + 2, high);
}

static void fifth_bits_out(const uint8_t *p, uint8_t *codes) {
  uint32_t high = vise_u32(p);
  for (int i = 0; i < 32; i++) codes[i] |= (uint8_t)((high >> i & 1) << 4);
}

static void fifth_bits_in(const uint8_t *codes, uint8_t *p) {
  uint32_t high = 0;
  for (int i = 0; i < 32; i++) high |= (uint32_t)(codes[i] >> 4 & 1) << i;
  memcpy(p, &high, sizeof high);
}

/// Where the units of a type lie; the minimum's is −1 where there is none.
static void unit_places(uint32_t type, int *d, int *dmin) {
  *d = 0;
  *dmin = -1;
  switch (type) {
    case VISE_Q4_1:
    case VISE_Q5_1:
    case VISE_Q4_K:
    case VISE_Q5_K: *dmin = 2; break;
    case VISE_Q2_K: *d = 80, *dmin = 82; break;
    case VISE_Q3_K: *d = 108; break;
    case VISE_Q6_K: *d = 208; break;
    case VISE_TQ2_0: *d = 64; break;
    default: break;
  }
}

/// Reads everything but the units: scales into `parts`, codes into `codes`.
static void body_out(uint32_t type, const uint8_t *p, vise_block_parts *parts, uint8_t *codes) {
  switch (type) {
    case VISE_Q4_0:
    case VISE_IQ4_NL: nibbles_out(p + 2, 16, codes); break;
    case VISE_MXFP4: nibbles_out(p + 1, 16, codes); break;
    case VISE_Q4_1: nibbles_out(p + 4, 16, codes); break;
    case VISE_Q5_0: nibbles_out(p + 6, 16, codes), fifth_bits_out(p + 2, codes); break;
    case VISE_Q5_1: nibbles_out(p + 8, 16, codes), fifth_bits_out(p + 4, codes); break;
    case VISE_Q8_0: for (int i = 0; i < 32; i++) codes[i] = (uint8_t)(p[2 + i] + 127); break;
    case VISE_Q2_K:
      planes_out(p + 16, codes);
      for (int sub = 0; sub < 16; sub++) {
        parts->sc[sub] = (float)(p[sub] & 15);
        parts->mn[sub] = (float)(p[sub] >> 4);
      }
      break;
    case VISE_Q3_K:
      planes_out(p + 32, codes), high_bits_out(p, 2, codes), q3_scales_out(p + 96, parts);
      break;
    case VISE_Q4_K: k_nibbles_out(p + 16, codes), k_scales_out(p + 4, parts); break;
    case VISE_Q5_K:
      k_nibbles_out(p + 48, codes), high_bits_out(p + 16, 4, codes), k_scales_out(p + 4, parts);
      break;
    case VISE_Q6_K:
      q6_codes_out(p, codes);
      for (int sub = 0; sub < 16; sub++) parts->sc[sub] = (float)(int8_t)p[192 + sub];
      break;
    case VISE_IQ4_XS: iq4_xs_out(p, parts, codes); break;
    default: planes_out(p, codes); break;
  }
}

static void body_in(uint32_t type, const vise_block_parts *parts, const uint8_t *codes,
                    uint8_t *p) {
  switch (type) {
    case VISE_Q4_0:
    case VISE_IQ4_NL: nibbles_in(codes, 16, p + 2); break;
    case VISE_MXFP4: nibbles_in(codes, 16, p + 1); break;
    case VISE_Q4_1: nibbles_in(codes, 16, p + 4); break;
    case VISE_Q5_0: nibbles_in(codes, 16, p + 6), fifth_bits_in(codes, p + 2); break;
    case VISE_Q5_1: nibbles_in(codes, 16, p + 8), fifth_bits_in(codes, p + 4); break;
    case VISE_Q8_0: for (int i = 0; i < 32; i++) p[2 + i] = (uint8_t)(codes[i] - 127); break;
    case VISE_Q2_K:
      planes_in(codes, p + 16);
      for (int sub = 0; sub < 16; sub++) {
        p[sub] = (uint8_t)((int)parts->sc[sub] | (int)parts->mn[sub] << 4);
      }
      break;
    case VISE_Q3_K:
      planes_in(codes, p + 32), high_bits_in(codes, 2, p), q3_scales_in(parts, p + 96);
      break;
    case VISE_Q4_K: k_nibbles_in(codes, p + 16), k_scales_in(parts, p + 4); break;
    case VISE_Q5_K:
      k_nibbles_in(codes, p + 48), high_bits_in(codes, 4, p + 16), k_scales_in(parts, p + 4);
      break;
    case VISE_Q6_K:
      q6_codes_in(codes, p);
      for (int sub = 0; sub < 16; sub++) p[192 + sub] = (uint8_t)(int8_t)parts->sc[sub];
      break;
    case VISE_IQ4_XS: iq4_xs_in(parts, codes, p); break;
    default: planes_in(codes, p); break;
  }
}

static float level_of(const vise_block_kind *kind, uint8_t code) {
  switch (kind->levels) {
    case VISE_LEVELS_IQ4: return (float)vise_iq4_values[code];
    case VISE_LEVELS_E2M1: return (float)vise_e2m1_doubled[code];
    default: return (float)code + kind->low;
  }
}

static uint8_t code_of(const vise_block_kind *kind, float level) {
  if (kind->levels == VISE_LEVELS_INTEGER) return (uint8_t)(int)(level - kind->low);
  uint8_t code = 0;
  while (code < 15 && level_of(kind, code) != level) code++;
  return code;
}

/// A power of two, e8m0, halved because the levels are doubled.
static float power_out(uint8_t exponent) {
  return vise_float_from_bits(exponent < 2 ? 0x00200000u << exponent
                                           : (uint32_t)(exponent - 1) << 23);
}

static uint8_t power_in(float d) {
  uint8_t exponent = 0;
  while (exponent < 254 && power_out(exponent) != d) exponent++;
  return exponent;
}

void vise_block_unpack(const vise_block_kind *kind, const uint8_t *p, vise_block_parts *parts) {
  codes256 codes = {0};
  int d, dmin;
  for (int sub = 0; sub < 16; sub++) parts->sc[sub] = parts->mn[sub] = 1.0f;
  body_out(kind->type, p, parts, codes);
  unit_places(kind->type, &d, &dmin);
  parts->d = kind->unit_is_power ? power_out(p[0]) : vise_half(p + d);
  parts->dmin = dmin < 0 ? 0.0f : vise_half(p + dmin);
  // Q4_1 and Q5_1 add their minimum, the k-quants subtract it.
  if (kind->has_minimum && kind->length == 32) parts->dmin = -parts->dmin;
  for (int i = 0; i < kind->length; i++) parts->level[i] = level_of(kind, codes[i]);
}

void vise_block_pack(const vise_block_kind *kind, const vise_block_parts *parts, uint8_t *p) {
  codes256 codes;
  int d, dmin;
  for (int i = 0; i < kind->length; i++) codes[i] = code_of(kind, parts->level[i]);
  body_in(kind->type, parts, codes, p);
  unit_places(kind->type, &d, &dmin);
  if (kind->unit_is_power) {
    p[0] = power_in(parts->d);
  } else {
    vise_put_half(p + d, parts->d);
  }
  if (dmin >= 0) vise_put_half(p + dmin, kind->length == 32 ? -parts->dmin : parts->dmin);
}
