// Dot products of packed rows: the body of dot_row.c.
#include "vector_body.h"

/// Σ a·b of `count` ≤ VISE_CHUNK floats: float lanes, few enough products each to be accurate.
VISE_INLINE double V(chunk_dot)(const float *a, const float *b, int64_t count) {
  vf sums[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};
  int64_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    for (int k = 0; k < 4; k++) {
      sums[k] += V(load)(a + i + k * LANES) * V(load)(b + i + k * LANES);
    }
  }
  for (; i < count; i += LANES) {
    int64_t left = count - i < LANES ? count - i : LANES;
    sums[0] += V(load_part)(a + i, left, 0.0f) * V(load_part)(b + i, left, 0.0f);
  }
  return (double)V(sum)((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// Decodes a chunk at a time into a buffer that stays in the first-level cache.
static double V(dot_row)(const vise_type_decoder *type, const uint8_t *row, const float *x,
                         int64_t count) {
  float values[VISE_CHUNK];
  double sum = 0;
  for (int64_t start = 0; start < count; start += VISE_CHUNK) {
    int64_t length = count - start < VISE_CHUNK ? count - start : VISE_CHUNK;
    type->decode(row + start / type->block_length * type->block_bytes, values,
                 length / type->block_length);
    sum += V(chunk_dot)(values, x + start, length);
  }
  return sum;
}
