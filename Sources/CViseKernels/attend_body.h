// Attention of one position: the body of attend.c.
#include "vector_body.h"

VISE_INLINE vf V(part)(const float *p, int64_t left) {
  return left >= LANES ? V(load)(p) : V(load_part)(p, left, 0.0f);
}

static void V(attend_scores)(const float *q, int64_t heads, int64_t length, const float *keys,
                             int64_t stride, int64_t count, float *scores) {
  for (int64_t p = 0; p < count; p++) {
    const float *key = keys + p * stride;
    for (int64_t head = 0; head < heads; head++) {
      vf sum = (vf)0.0f;
      for (int64_t i = 0; i < length; i += LANES) {
        sum += V(part)(q + head * length + i, length - i) * V(part)(key + i, length - i);
      }
      scores[head * count + p] = V(sum)(sum);
    }
  }
}

/// Sixty-four features at a time stay in registers over all positions.
static void V(attend_values)(const float *scores, int64_t length, const float *values,
                             int64_t stride, int64_t count, float *y) {
  for (int64_t i = 0; i < length; i += 4 * LANES) {
    vf sums[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};
    if (length - i >= 4 * LANES) {
      for (int64_t p = 0; p < count; p++) {
        for (int k = 0; k < 4; k++) {
          sums[k] += scores[p] * V(load)(values + p * stride + i + k * LANES);
        }
      }
      for (int k = 0; k < 4; k++) V(store)(y + i + k * LANES, sums[k]);
      continue;
    }
    for (int64_t j = i; j < length; j += LANES) {
      int64_t left = length - j < LANES ? length - j : LANES;
      vf sum = (vf)0.0f;
      for (int64_t p = 0; p < count; p++) {
        sum += scores[p] * V(load_part)(values + p * stride + j, left, 0.0f);
      }
      V(store_part)(y + j, sum, left);
    }
  }
}
