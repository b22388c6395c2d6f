// Sixteen-lane vectors for the bodies; included by each of them, once per variant.
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef VISE_VECTOR_TYPES
#define VISE_VECTOR_TYPES
typedef float vf __attribute__((ext_vector_type(16)));
typedef int32_t vi __attribute__((ext_vector_type(16)));
typedef double vd __attribute__((ext_vector_type(16)));
typedef uint8_t vb __attribute__((ext_vector_type(16)));
typedef int8_t vsb __attribute__((ext_vector_type(16)));
#define LANES 16
#endif

VISE_INLINE vf V(load)(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

VISE_INLINE void V(store)(float *p, vf v) { memcpy(p, &v, sizeof v); }

/// The first `count` < 16 floats at `p`; the other lanes are `fill`.
VISE_INLINE vf V(load_part)(const float *p, int64_t count, float fill) {
#if defined(VISE_WIDE)
  return (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << count) - 1), p);
#else
  vf v = (vf)fill;
  memcpy(&v, p, (size_t)count * sizeof(float));
  return v;
#endif
}

VISE_INLINE void V(store_part)(float *p, vf v, int64_t count) {
#if defined(VISE_WIDE)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#else
  memcpy(p, &v, (size_t)count * sizeof(float));
#endif
}

VISE_INLINE vi V(bits)(vf v) { return (vi)v; }
VISE_INLINE vf V(from_bits)(vi v) { return (vf)v; }

/// The larger of each pair; `b` where either is NaN, as the instruction has it.
VISE_INLINE vf V(larger)(vf a, vf b) { return a > b ? a : b; }
VISE_INLINE vf V(smaller)(vf a, vf b) { return a < b ? a : b; }

/// Rounds to the nearest integer, ties to even; beyond ±2²² some variants are a little off.
#if defined(VISE_AVX)
VISE_INLINE vf V(nearest)(vf v) { return __builtin_elementwise_roundeven(v); }
VISE_INLINE float V(nearest_one)(float v) { return __builtin_roundevenf(v); }
#else
VISE_INLINE vf V(nearest)(vf v) { return (v + 12582912.0f) - 12582912.0f; }
VISE_INLINE float V(nearest_one)(float v) { return (v + 12582912.0f) - 12582912.0f; }
#endif

VISE_INLINE float V(sum)(vf v) {
  __typeof__(v.lo) a = v.lo + v.hi;
  __typeof__(a.lo) b = a.lo + a.hi;
  __typeof__(b.lo) c = b.lo + b.hi;
  return c.x + c.y;
}

VISE_INLINE double V(sum_double)(vd v) {
  __typeof__(v.lo) a = v.lo + v.hi;
  __typeof__(a.lo) b = a.lo + a.hi;
  __typeof__(b.lo) c = b.lo + b.hi;
  return c.x + c.y;
}

VISE_INLINE float V(largest)(vf v) {
  float best = v[0];
  for (int lane = 1; lane < LANES; lane++) best = v[lane] > best ? v[lane] : best;
  return best;
}

VISE_INLINE vd V(widen)(vf v) { return __builtin_convertvector(v, vd); }

/// Bits of sixteen bytes: (byte >> shift) & mask.
VISE_INLINE vi V(fields)(const uint8_t *p, int shift, int mask) {
  vb bytes;
  memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, vi) >> shift & mask;
}

VISE_INLINE vf V(to_float)(vi v) { return __builtin_convertvector(v, vf); }

/// table[nibble] of the low (shift 0) or high (shift 4) nibbles of sixteen bytes.
VISE_INLINE vf V(looked_up)(const uint8_t *p, int shift, const int8_t *table) {
#if defined(VISE_AVX)
  __m128i bytes = _mm_loadu_si128((const __m128i *)p);
  __m128i nibbles = _mm_and_si128(_mm_srli_epi16(bytes, shift), _mm_set1_epi8(15));
  __m128i found = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)table), nibbles);
  vsb values;
  memcpy(&values, &found, sizeof values);
  return __builtin_convertvector(values, vf);
#else
  vf values;
  for (int lane = 0; lane < LANES; lane++) values[lane] = (float)table[p[lane] >> shift & 15];
  return values;
#endif
}
