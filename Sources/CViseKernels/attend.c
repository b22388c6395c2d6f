#include "vise_attend.h"

#include "vise_kernels.h"

#define VISE_BODY "attend_body.h"
#include "each_variant.h"

void vise_attend_heads(const float *restrict q, int64_t heads, int64_t length,
                       const float *restrict keys, const float *restrict values, int64_t stride,
                       int64_t count, float scale, float *restrict scores, float *restrict y) {
  int variant = vise_variant();
  VISE_CALL(variant, attend_scores, q, heads, length, keys, stride, count, scores);
  vise_causal_softmax_rows(scores, heads, count, count, count - 1, 0, scale);
  for (int64_t head = 0; head < heads; head++) {
    VISE_CALL(variant, attend_values, scores + head * count, length, values, stride, count,
              y + head * length);
  }
}
