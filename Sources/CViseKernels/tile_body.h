// Sixteen blocks side by side: lane l of every vector belongs to block l. Included by the encoders'
// bodies; sums over a block then run down a tile, without a horizontal step.
#include "vector_body.h"

#ifndef VISE_TILE_TYPES
#define VISE_TILE_TYPES

/// Weights of sixteen (sub-)blocks and, where `weighted`, what an error in each costs.
typedef struct {
  vf x[32];
  vf w[32];
} vise_tile;

/// Values beyond the half floats are clamped to their range, so that no sum overflows.
#define VISE_LIMIT 65504.0f

#define VISE_SWAP_STEP(rows, step, low, high)                     \
  for (int i = 0; i < 16; i++) {                                  \
    if (i & (step)) continue;                                     \
    vf first = rows[i], second = rows[i + (step)];                \
    rows[i] = __builtin_shufflevector(first, second, low);        \
    rows[i + (step)] = __builtin_shufflevector(first, second, high); \
  }
#define VISE_LANES(...) __VA_ARGS__
#endif

VISE_INLINE void V(transpose)(vf rows[16]) {
  VISE_SWAP_STEP(rows, 8, VISE_LANES(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                 VISE_LANES(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
  VISE_SWAP_STEP(rows, 4, VISE_LANES(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
                 VISE_LANES(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  VISE_SWAP_STEP(rows, 2, VISE_LANES(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
                 VISE_LANES(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  VISE_SWAP_STEP(rows, 1, VISE_LANES(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
                 VISE_LANES(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
}

/// NaN becomes 0 and what a half float cannot hold its largest value.
VISE_INLINE vf V(sanitized)(vf v) {
  v = v == v ? v : (vf)0.0f;
  return V(smaller)(V(larger)(v, (vf)-VISE_LIMIT), (vf)VISE_LIMIT);
}

/// The same of one number, for the functions that write a block.
VISE_INLINE float V(sane)(float v) {
  v = v == v ? v : 0.0f;
  v = v > -VISE_LIMIT ? v : -VISE_LIMIT;
  return v < VISE_LIMIT ? v : VISE_LIMIT;
}

/// Loads `blocks` ≤ 16 blocks of `length` weights; the other lanes are zero.
VISE_INLINE void V(load_tile)(vise_tile *tile, const float *x, int64_t blocks, int length) {
  for (int start = 0; start < length; start += 16) {
    vf *rows = tile->x + start;
    for (int lane = 0; lane < 16; lane++) {
      rows[lane] = lane < blocks ? V(sanitized)(V(load)(x + lane * length + start)) : (vf)0.0f;
    }
    V(transpose)(rows);
  }
}

/// Loads the importance of the tile's weights, scaled to a mean of 1 in each block.
///
/// Block `first + lane` of the data lies at block (first + lane) mod `period` of `importance`. A
/// block whose importance is all zero, or not finite, counts as equally important throughout.
VISE_INLINE void V(load_importance)(vise_tile *tile, const float *importance, int64_t first,
                                    int64_t period, int length) {
  for (int start = 0; start < length; start += 16) {
    vf *rows = tile->w + start;
    for (int lane = 0; lane < 16; lane++) {
      int64_t block = (first + lane) % period;
      rows[lane] = V(larger)(V(load)(importance + block * length + start), (vf)0.0f);
    }
    V(transpose)(rows);
  }
  vf total = (vf)0.0f;
  for (int i = 0; i < length; i++) total += tile->w[i];
  vf factor = (float)length / total;
  vi usable = (total > 1e-30f) & (total < 1e30f);
  for (int i = 0; i < length; i++) tile->w[i] = usable ? tile->w[i] * factor : (vf)1.0f;
}

/// Rounds to the nearest half float, ties to even, at most ±65504.
VISE_INLINE vf V(half_rounded)(vf v) {
  vi sign = V(bits)(v) & (vi)(int32_t)0x80000000;
  vi magnitude = V(bits)(v) & (vi)0x7FFFFFFF;
  vi rounded = (magnitude + 0xFFF + (magnitude >> 13 & 1)) & ~(vi)0x1FFF;
  vf small = (V(from_bits)(magnitude) + 0.5f) - 0.5f;
  vf value = magnitude < (vi)(113 << 23) ? small : V(from_bits)(rounded);
  return V(from_bits)(V(bits)(V(smaller)(value, (vf)VISE_LIMIT)) | sign);
}

/// 1 / v, and 0 for 0.
VISE_INLINE vf V(inverse)(vf v) { return v == 0.0f ? (vf)0.0f : 1.0f / v; }

VISE_INLINE vf V(magnitude)(vf v) { return V(from_bits)(V(bits)(v) & (vi)0x7FFFFFFF); }

VISE_INLINE vf V(clamped)(vf v, float low, float high) {
  return V(smaller)(V(larger)(v, (vf)low), (vf)high);
}

#define VISE_XOR(step)                                                                          \
  0 ^ step, 1 ^ step, 2 ^ step, 3 ^ step, 4 ^ step, 5 ^ step, 6 ^ step, 7 ^ step, 8 ^ step,     \
      9 ^ step, 10 ^ step, 11 ^ step, 12 ^ step, 13 ^ step, 14 ^ step, 15 ^ step

/// Sums over each `group` (8 or 16) of lanes, in every lane of the group.
VISE_INLINE vf V(group_sum)(vf v, int group) {
  v += __builtin_shufflevector(v, v, VISE_XOR(1));
  v += __builtin_shufflevector(v, v, VISE_XOR(2));
  v += __builtin_shufflevector(v, v, VISE_XOR(4));
  return group == 16 ? v + __builtin_shufflevector(v, v, VISE_XOR(8)) : v;
}

VISE_INLINE vf V(group_largest)(vf v, int group) {
  v = V(larger)(v, __builtin_shufflevector(v, v, VISE_XOR(1)));
  v = V(larger)(v, __builtin_shufflevector(v, v, VISE_XOR(2)));
  v = V(larger)(v, __builtin_shufflevector(v, v, VISE_XOR(4)));
  return group == 16 ? V(larger)(v, __builtin_shufflevector(v, v, VISE_XOR(8))) : v;
}
#undef VISE_XOR
