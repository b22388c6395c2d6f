#include "vise_attend.h"

#include "vise_kernels.h"

#define VISE_BODY "attend_body.h"
#include "each_variant.h"

void vise_attend_heads(const float *restrict q, int64_t heads, int64_t key_length,
                       const float *restrict keys, int64_t key_stride, int64_t value_length,
                       const float *restrict values, int64_t value_stride, int64_t count,
                       float scale, float *restrict scores, float *restrict y) {
  int variant = vise_variant();
  VISE_CALL(variant, attend_scores, q, heads, key_length, keys, key_stride, count, scores);
  vise_causal_softmax_rows(scores, heads, count, count, count - 1, 0, scale);
  for (int64_t head = 0; head < heads; head++) {
    VISE_CALL(variant, attend_values, scores + head * count, value_length, values, value_stride,
              count, y + head * value_length);
  }
}
