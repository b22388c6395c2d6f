// Products of panels with rounded activations: the body of packed.c. Lane l belongs to row l.
#include "tile_body.h"

#ifndef VISE_PACKED_TYPES
#define VISE_PACKED_TYPES
/// Four codes of each of sixteen rows.
typedef uint8_t vq __attribute__((ext_vector_type(64)));

/// Tokens multiplied by one unpacking of the weights.
#define VISE_TOKEN_TILE 8

/// How far ahead of its use a weight is asked for.
#define VISE_PREFETCH_BYTES 4096
#endif

VISE_INLINE vq V(load_codes)(const uint8_t *p) {
  vq v;
  memcpy(&v, p, sizeof v);
  return v;
}

/// sums[l] + Σ codes[4l + i] · a[i], exact for codes up to 255 and −127 ≤ a[i] ≤ 127.
///
/// `bits` is that of the largest code: with fewer than eight no sum of two products overflows.
VISE_INLINE vi V(dot4)(vi sums, vq codes, const int8_t *a, int bits) {
#if defined(VISE_VNNI)
  (void)bits;
  int32_t four;
  memcpy(&four, a, sizeof four);
  return (vi)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)codes, _mm512_set1_epi32(four));
#elif defined(VISE_AVX)
  int32_t four;
  memcpy(&four, a, sizeof four);
  __m256i x = _mm256_set1_epi32(four), ones = _mm256_set1_epi16(1);
  __m256i halves[2] = {(__m256i)codes.lo, (__m256i)codes.hi}, products[2];
  for (int k = 0; k < 2; k++) {
    if (bits < 8) {
      products[k] = _mm256_madd_epi16(_mm256_maddubs_epi16(halves[k], x), ones);
    } else {
      __m256i top = _mm256_set1_epi8(-128);
      __m256i low = _mm256_maddubs_epi16(_mm256_andnot_si256(top, halves[k]), x);
      __m256i high = _mm256_maddubs_epi16(_mm256_and_si256(top, halves[k]), x);
      products[k] = _mm256_add_epi32(_mm256_madd_epi16(low, ones), _mm256_madd_epi16(high, ones));
    }
  }
  vi sum;
  memcpy(&sum, products, sizeof sum);
  return sums + sum;
#else
  (void)bits;
  for (int lane = 0; lane < 16; lane++) {
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) sum += codes[4 * lane + i] * a[i];
    sums[lane] += sum;
  }
  return sums;
#endif
}

/// table[code] + 128 of codes below 16.
VISE_INLINE vq V(table_codes)(vq codes) {
#if defined(VISE_AVX)
  __m128i table = _mm_loadu_si128((const __m128i *)vise_iq4_values);
  __m256i values = _mm256_broadcastsi128_si256(_mm_xor_si128(table, _mm_set1_epi8(-128)));
  __m256i halves[2] = {_mm256_shuffle_epi8(values, (__m256i)codes.lo),
                       _mm256_shuffle_epi8(values, (__m256i)codes.hi)};
  memcpy(&codes, halves, sizeof codes);
#else
  for (int i = 0; i < 64; i++) codes[i] = (uint8_t)(vise_iq4_values[codes[i]] + 128);
#endif
  return codes;
}

/// Field `k` of `width` bits of each byte, moved to bit `to`.
VISE_INLINE vq V(field)(vq v, int width, int k, int to) {
  int from = k * width;
  vq mask = (vq)(uint8_t)(((1 << width) - 1) << to);
  return (from > to ? v >> (uint8_t)(from - to) : v << (uint8_t)(to - from)) & mask;
}

/// The codes of 32 columns, four to a vector, from planes as `add_codes` lays them.
VISE_INLINE void V(unpack)(const uint8_t *p, int bits, int has_table, vq codes[8]) {
  for (int k = 0; k < 8; k++) {
    int to = 0;
    const uint8_t *plane = p;
    vq code = (vq)(uint8_t)0;
    if (bits & 8) code = V(load_codes)(plane + 64 * k);
    if (bits & 4) {
      code = V(field)(V(load_codes)(plane + k / 2 * 64), 4, k % 2, 0);
      plane += 256;
      to = 4;
    }
    if (bits & 2) {
      code |= V(field)(V(load_codes)(plane + k / 4 * 64), 2, k % 4, to);
      plane += 128;
      to += 2;
    }
    if (bits & 1) code |= V(field)(V(load_codes)(plane), 1, k, to);
    codes[k] = has_table ? V(table_codes)(code) : code;
  }
}

/// Four columns of each row from the two that are kept: 64 masks of bits by row and column, then two
/// codes a row. The others' codes are those of zero.
VISE_INLINE vq V(expand)(const uint8_t *p, int bits, int offset, int k) {
  const uint8_t *masks = p + 8 * k, *kept = p + 64 + 32 * (bits == 8 ? k : k / 2);
#if defined(VISE_VBMI2)
  uint64_t mask;
  memcpy(&mask, masks, sizeof mask);
  // Of 64 bytes the first 32 are used; the others lie in the panel too.
  vq codes = V(load_codes)(kept);
  if (bits == 4) codes = (k % 2 ? codes >> (uint8_t)4 : codes) & (vq)(uint8_t)15;
  return (vq)_mm512_mask_expand_epi8(_mm512_set1_epi8((char)offset), mask, (__m512i)codes);
#else
  vq v;
  for (int row = 0, next = 0; row < 16; row++) {
    for (int i = 0; i < 4; i++) {
      int place = 4 * row + i, is_kept = masks[place / 8] >> place % 8 & 1;
      int code = is_kept ? kept[next] : offset;
      if (is_kept && bits == 4) code = code >> k % 2 * 4 & 15;
      v[place] = (uint8_t)code;
      next += is_kept;
    }
  }
  return v;
#endif
}

/// The codes of 32 columns, four to a vector.
VISE_INLINE void V(codes_of_block)(const vise_packed_layout layout, const uint8_t *p,
                                   vq codes[8]) {
  if (layout.is_sparse) {
    for (int k = 0; k < 8; k++) codes[k] = V(expand)(p, layout.bits, layout.offset, k);
  } else {
    V(unpack)(p, layout.bits, layout.has_table, codes);
  }
}

/// Asks for what a product of one token reads some blocks later. Beyond a weight's end most often
/// lies the next one; asking for what is not there costs nothing.
VISE_INLINE void V(prefetch)(const uint8_t *p, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + VISE_PREFETCH_BYTES + i);
}

/// Sixteen half floats.
VISE_INLINE vf V(halves)(const uint8_t *p) {
  vf v;
#if defined(VISE_VNNI)
  v = (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif defined(VISE_AVX)
  __m256 parts[2] = {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                     _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 16)))};
  memcpy(&v, parts, sizeof v);
#else
  for (int lane = 0; lane < 16; lane++) v[lane] = vise_half(p + 2 * lane);
#endif
  return v;
}

VISE_INLINE vi V(signed_bytes)(const uint8_t *p) {
  vsb bytes;
  memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, vi);
}

VISE_INLINE vi V(unsigned_bytes)(const uint8_t *p) {
  vb bytes;
  memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, vi);
}

/// Rounded activations of consecutive tokens.
typedef struct {
  const uint8_t *codes;
  int64_t scales, sums, stride;
} V(inputs);

VISE_INLINE const int8_t *V(codes_of)(const V(inputs) *in, int token) {
  return (const int8_t *)(in->codes + token * in->stride);
}
VISE_INLINE float V(scale_of)(const V(inputs) *in, int token, int64_t block) {
  float v;
  memcpy(&v, in->codes + token * in->stride + in->scales + block * 4, sizeof v);
  return v;
}
VISE_INLINE int32_t V(sum_of)(const V(inputs) *in, int token, int64_t index) {
  int32_t v;
  memcpy(&v, in->codes + token * in->stride + in->sums + index * 4, sizeof v);
  return v;
}

/// A panel of blocks of 32 with `count` tokens; all but the pointers are constants once inlined.
VISE_INLINE void V(panel_32)(const vise_packed_layout layout, const uint8_t *panel, int64_t blocks,
                             const V(inputs) *in, int count, vf *y) {
  const int64_t code_bytes = vise_panel_code_bytes(&layout);
  const int64_t block_bytes = code_bytes + vise_panel_scale_bytes(&layout);
  const int bits = layout.has_table ? 8 : layout.bits;
  vf totals[VISE_TOKEN_TILE];
  for (int t = 0; t < count; t++) totals[t] = (vf)0.0f;
  for (int64_t block = 0; block < blocks; block++) {
    const uint8_t *p = panel + block * block_bytes, *halves = p + code_bytes;
    if (count == 1) V(prefetch)(p, block_bytes);
    vq codes[8];
    V(codes_of_block)(layout, p, codes);
    vf d = V(halves)(halves), m = (vf)0.0f;
    if (layout.has_min) m = V(halves)(halves + 32);
#pragma clang loop unroll(full)
    for (int t = 0; t < count; t++) {
      const int8_t *a = V(codes_of)(in, t) + block * 32;
      int32_t activations = V(sum_of)(in, t, block);
      vi sum = (vi)(-layout.offset * activations);
      for (int k = 0; k < 8; k++) sum = V(dot4)(sum, codes[k], a + 4 * k, bits);
      float scale = V(scale_of)(in, t, block);
      vf value = (d * scale) * V(to_float)(sum);
      if (layout.has_min) value = value + m * (scale * (float)activations);
      totals[t] = totals[t] + value;
    }
  }
  for (int t = 0; t < count; t++) y[t] = totals[t];
}

/// Σ min · Σ activation over the sub-blocks of a block of 256.
VISE_INLINE vi V(minima)(const vise_packed_layout layout, const uint8_t *mins,
                         const V(inputs) *in, int token, int64_t block) {
  vi total = (vi)0;
  for (int sub = 0; sub < 256 / layout.sub_length; sub++) {
    int32_t sum = 0;
    for (int k = 0; k < layout.sub_length / 16; k++) {
      sum += V(sum_of)(in, token, block * 16 + sub * (layout.sub_length / 16) + k);
    }
    total += V(unsigned_bytes)(mins + sub * 16) * sum;
  }
  return total;
}

/// A panel of blocks of 256.
VISE_INLINE void V(panel_256)(const vise_packed_layout layout, const uint8_t *panel,
                              int64_t blocks, const V(inputs) *in, int count, vf *y) {
  const int64_t code_bytes = vise_panel_code_bytes(&layout);
  const int64_t block_bytes = code_bytes + vise_panel_scale_bytes(&layout);
  const int bits = layout.has_table ? 8 : layout.bits, subs = 256 / layout.sub_length;
  const int vectors = layout.sub_length / 4;
  vf totals[VISE_TOKEN_TILE];
  for (int t = 0; t < count; t++) totals[t] = (vf)0.0f;
  for (int64_t block = 0; block < blocks; block++) {
    const uint8_t *p = panel + block * block_bytes, *scales = p + code_bytes;
    vi products[VISE_TOKEN_TILE];
    for (int t = 0; t < count; t++) products[t] = (vi)0;
    for (int group = 0; group < 8; group++) {
      vq codes[8];
      const uint8_t *planes = p + group * 64 * layout.bits;
      if (count == 1) V(prefetch)(planes, group == 7 ? block_bytes - code_bytes : code_bytes / 8);
      V(unpack)(planes, layout.bits, layout.has_table, codes);
      for (int first = 0; first < 8; first += vectors) {
        int sub = (group * 8 + first) / vectors;
        vi scale = V(signed_bytes)(scales + sub * 16);
#pragma clang loop unroll(full)
        for (int t = 0; t < count; t++) {
          const int8_t *a = V(codes_of)(in, t) + block * 256 + group * 32;
          vi sum = (vi)0;
          if (layout.offset != 0) {
            int32_t activations = 0;
            for (int k = 0; k < layout.sub_length / 16; k++) {
              activations += V(sum_of)(in, t, block * 16 + sub * (layout.sub_length / 16) + k);
            }
            sum = (vi)(-layout.offset * activations);
          }
          for (int k = first; k < first + vectors; k++) {
            sum = V(dot4)(sum, codes[k], a + 4 * k, bits);
          }
          products[t] += sum * scale;
        }
      }
    }
    const uint8_t *halves = scales + subs * 16 * (1 + layout.has_min);
    vf d = V(halves)(halves), m = (vf)0.0f;
    if (layout.has_min) m = V(halves)(halves + 32);
    for (int t = 0; t < count; t++) {
      float scale = V(scale_of)(in, t, block);
      vf value = (d * scale) * V(to_float)(products[t]);
      if (layout.has_min) {
        vi minima = V(minima)(layout, scales + subs * 16, in, t, block);
        value = value - (m * scale) * V(to_float)(minima);
      }
      totals[t] = totals[t] + value;
    }
  }
  for (int t = 0; t < count; t++) y[t] = totals[t];
}

VISE_INLINE void V(panel)(const vise_packed_layout layout, const uint8_t *panel, int64_t columns,
                          const V(inputs) *in, int count, int64_t rows, float *y, int64_t stride) {
  vf results[VISE_TOKEN_TILE];
  if (layout.block_length == 32) {
    V(panel_32)(layout, panel, columns / 32, in, count, results);
  } else {
    V(panel_256)(layout, panel, columns / 256, in, count, results);
  }
  for (int t = 0; t < count; t++) {
    if (rows >= LANES) {
      V(store)(y + t * stride, results[t]);
    } else {
      V(store_part)(y + t * stride, results[t], rows);
    }
  }
}

/// All panels with all tokens, a tile of tokens at a time while the panel is in the cache.
VISE_INLINE void V(panels)(const vise_packed_layout layout, const uint8_t *panels, int64_t rows,
                           int64_t columns, int64_t panel_bytes, V(inputs) in, int64_t tokens,
                           float *y, int64_t stride) {
  const uint8_t *first = in.codes;
  for (int64_t row = 0; row < rows; row += LANES, panels += panel_bytes) {
    int64_t token = 0;
    for (; token + VISE_TOKEN_TILE <= tokens; token += VISE_TOKEN_TILE) {
      in.codes = first + token * in.stride;
      V(panel)(layout, panels, columns, &in, VISE_TOKEN_TILE, rows - row,
               y + token * stride + row, stride);
    }
    for (; token < tokens; token++) {
      in.codes = first + token * in.stride;
      V(panel)(layout, panels, columns, &in, 1, rows - row, y + token * stride + row, stride);
    }
  }
}

#ifndef VISE_PANELS_ONLY
/// One function for each type, so that its layout is constant in the loops.
#define VISE_PACKED_TYPE(name, ...)                                                            \
  static __attribute__((noinline)) void V(multiply_##name)(                                    \
      const uint8_t *p, int64_t rows, int64_t columns, int64_t bytes, V(inputs) in,            \
      int64_t tokens, float *y, int64_t stride) {                                              \
    V(panels)((vise_packed_layout){__VA_ARGS__}, p, rows, columns, bytes, in, tokens, y, stride); \
  }
VISE_PACKED_TYPE(q4_0, 4, 0, 8, 0, 32, 18, 32, 0)
VISE_PACKED_TYPE(q4_1, 4, 0, 0, 1, 32, 20, 32, 0)
VISE_PACKED_TYPE(q5_0, 5, 0, 16, 0, 32, 22, 32, 0)
VISE_PACKED_TYPE(q5_1, 5, 0, 0, 1, 32, 24, 32, 0)
VISE_PACKED_TYPE(q8_0, 8, 0, 128, 0, 32, 34, 32, 0)
VISE_PACKED_TYPE(iq4_nl, 4, 1, 128, 0, 32, 18, 32, 0)
VISE_PACKED_TYPE(q2_k, 2, 0, 0, 1, 256, 84, 16, 0)
VISE_PACKED_TYPE(q3_k, 3, 0, 4, 0, 256, 110, 16, 0)
VISE_PACKED_TYPE(q4_k, 4, 0, 0, 1, 256, 144, 32, 0)
VISE_PACKED_TYPE(q5_k, 5, 0, 0, 1, 256, 176, 32, 0)
VISE_PACKED_TYPE(q6_k, 6, 0, 32, 0, 256, 210, 16, 0)
VISE_PACKED_TYPE(iq4_xs, 4, 1, 128, 0, 256, 136, 32, 0)
#undef VISE_PACKED_TYPE

static void V(multiply)(uint32_t type, const void *panels, int64_t rows, int64_t columns,
                        const void *activations, int64_t tokens, float *y, int64_t stride) {
  vise_packed_layout layout = vise_packed_layout_of(type);
  vise_activation_layout places = vise_activation_layout_of(layout.block_length, columns);
  V(inputs) in = {activations, places.scales, places.sums, places.bytes};
  int64_t bytes = vise_packed_panel_bytes(type, columns);
  switch (type) {
    case VISE_Q4_0: V(multiply_q4_0)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q4_1: V(multiply_q4_1)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q5_0: V(multiply_q5_0)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q5_1: V(multiply_q5_1)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q8_0: V(multiply_q8_0)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_IQ4_NL:
      V(multiply_iq4_nl)(panels, rows, columns, bytes, in, tokens, y, stride);
      break;
    case VISE_Q2_K: V(multiply_q2_k)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q3_K: V(multiply_q3_k)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q4_K: V(multiply_q4_k)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q5_K: V(multiply_q5_k)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_Q6_K: V(multiply_q6_k)(panels, rows, columns, bytes, in, tokens, y, stride); break;
    case VISE_IQ4_XS:
      V(multiply_iq4_xs)(panels, rows, columns, bytes, in, tokens, y, stride);
      break;
    default: break;
  }
}

/// Codes of `length` columns and their sums.
VISE_INLINE void V(write_codes)(const float *x, float inverse, int length, int sum_length,
                                int8_t *codes, int32_t *sums) {
  for (int start = 0; start < length; start += sum_length) {
    int32_t sum = 0;
    for (int i = start; i < start + sum_length; i += 16) {
      vf code = V(smaller)(V(nearest)(V(load)(x + i) * inverse), (vf)127.0f);
      vsb bytes = __builtin_convertvector(__builtin_convertvector(code, vi), vsb);
      memcpy(codes + i, &bytes, sizeof bytes);
      sum += (int32_t)V(sum)(code);
    }
    sums[start / sum_length] = sum;
  }
}

/// Scales and inverses as `vise_round_activations` has them for Q8_0 and Q8_K.
static void V(round_rows)(int length, const float *x, int64_t rows, int64_t columns, void *out) {
  vise_activation_layout places = vise_activation_layout_of(length, columns);
  for (int64_t row = 0; row < rows; row++, x += columns) {
    uint8_t *base = (uint8_t *)out + row * places.bytes;
    float *scales = (float *)(base + places.scales);
    int32_t *sums = (int32_t *)(base + places.sums);
    for (int64_t block = 0; block < columns / length; block++) {
      const float *values = x + block * length;
      vf largest = (vf)0.0f, extreme = (vf)0.0f;
      for (int i = 0; i < length; i += 16) {
        vf v = V(load)(values + i), magnitude = V(magnitude)(v);
        extreme = magnitude > largest ? v : extreme;
        largest = V(larger)(magnitude, largest);
      }
      float top = 0.0f, value = 0.0f;
      for (int lane = 0; lane < 16; lane++) {
        value = largest[lane] > top ? extreme[lane] : value;
        top = largest[lane] > top ? largest[lane] : top;
      }
      int8_t *codes = (int8_t *)base + block * length;
      if (length == 32) {
        scales[block] = V(half_rounded)((vf)(top / 127.0f))[0];
        V(write_codes)(values, top > 0.0f ? 127.0f / top : 0.0f, 32, 32, codes, sums + block);
      } else {
        float inverse = top > 0.0f ? -127.0f / value : 0.0f;
        scales[block] = top > 0.0f ? 1.0f / inverse : 0.0f;
        V(write_codes)(values, inverse, 256, 16, codes, sums + block * 16);
      }
    }
  }
}
#endif
