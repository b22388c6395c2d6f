// Sixteen-lane vectors for the bodies; included by each of them, once per variant.
#include <string.h>

#ifndef VISE_VECTOR_TYPES
#define VISE_VECTOR_TYPES
typedef float vf __attribute__((ext_vector_type(16)));
typedef int32_t vi __attribute__((ext_vector_type(16)));
typedef double vd __attribute__((ext_vector_type(16)));
typedef uint8_t vb __attribute__((ext_vector_type(16)));
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
  vf v = (vf)fill;
  memcpy(&v, p, (size_t)count * sizeof(float));
  return v;
}

VISE_INLINE void V(store_part)(float *p, vf v, int64_t count) {
  memcpy(p, &v, (size_t)count * sizeof(float));
}

VISE_INLINE vi V(bits)(vf v) { return (vi)v; }
VISE_INLINE vf V(from_bits)(vi v) { return (vf)v; }

/// The larger of each pair; `b` where either is NaN, as the instruction has it.
VISE_INLINE vf V(larger)(vf a, vf b) { return a > b ? a : b; }
VISE_INLINE vf V(smaller)(vf a, vf b) { return a < b ? a : b; }

/// Rounds to the nearest integer, ties to even; beyond ±2²² some variants are a little off.
#if defined(VISE_ROUNDS)
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
