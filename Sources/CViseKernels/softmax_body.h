// Softmax and log-sum-exp: the body of softmax.c.
#include "vector_body.h"
#include "exp_body.h"

/// The largest of `count` floats times `scale`; −∞ for none. NaN is passed over.
VISE_INLINE float V(row_maximum)(const float *x, int64_t count, float scale) {
  vf best[4] = {(vf)-INFINITY, (vf)-INFINITY, (vf)-INFINITY, (vf)-INFINITY};
  int64_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    for (int k = 0; k < 4; k++) best[k] = V(larger)(V(load)(x + i + k * LANES) * scale, best[k]);
  }
  for (; i + LANES <= count; i += LANES) best[0] = V(larger)(V(load)(x + i) * scale, best[0]);
  float top = V(largest)(V(larger)(V(larger)(best[0], best[1]), V(larger)(best[2], best[3])));
  for (; i < count; i++) top = x[i] * scale > top ? x[i] * scale : top;
  return top;
}

/// x = e^(scale·x − shift) in place; returns the sum.
VISE_INLINE double V(exponentials)(float *x, int64_t count, float scale, float shift) {
  vd total = (vd)0.0;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf e = V(exponential)(V(load)(x + i) * scale - shift);
    V(store)(x + i, e);
    total += V(widen)(e);
  }
  if (i < count) {
    vf e = V(exponential)(V(load_part)(x + i, count - i, 0.0f) * scale - shift);
    V(store_part)(x + i, e, count - i);
    for (int64_t lane = 0; lane < count - i; lane++) total[0] += (double)x[i + lane];
  }
  return V(sum_double)(total);
}

static void V(causal_softmax_rows)(float *scores, int64_t rows, int64_t columns, int64_t stride,
                                   int64_t first_position, int64_t window, float scale) {
  for (int64_t row = 0; row < rows; row++) {
    float *x = scores + row * stride;
    int64_t end = first_position + row + 1;
    int64_t start = window > 0 && end > window ? end - window : 0;
    end = end < 0 ? 0 : end > columns ? columns : end;
    start = start > end ? end : start;
    float top = V(row_maximum)(x + start, end - start, scale);
    double sum = V(exponentials)(x + start, end - start, scale, top);
    float factor = (float)(1.0 / sum);
    memset(x, 0, (size_t)start * sizeof(float));
    for (int64_t i = start; i < end; i++) x[i] *= factor;
    memset(x + end, 0, (size_t)(columns - end) * sizeof(float));
  }
}

/// The first index in `count` floats that holds `value`, or 0.
VISE_INLINE int64_t V(first_index)(const float *x, int64_t count, float value) {
  for (int64_t i = 0; i < count; i++) {
    if (x[i] == value) return i;
  }
  return 0;
}

/// The maximum and its first index, a chunk at a time so that the search for the index is short.
VISE_INLINE float V(indexed_maximum)(const float *x, int64_t count, int32_t *index) {
  const int64_t chunk = 1024;
  float best = -INFINITY;
  int64_t found = 0;
  for (int64_t start = 0; start < count; start += chunk) {
    int64_t length = count - start < chunk ? count - start : chunk;
    float top = V(row_maximum)(x + start, length, 1.0f);
    if (top > best) {
      best = top;
      found = start;
    }
  }
  int64_t length = count - found < chunk ? count - found : chunk;
  *index = (int32_t)(found + V(first_index)(x + found, length, best));
  return best;
}

VISE_INLINE double V(sum_of_exponentials)(const float *x, int64_t count, float shift) {
  vd totals[2] = {(vd)0.0, (vd)0.0};
  int64_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES) {
    totals[0] += V(widen)(V(exponential)(V(load)(x + i) - shift));
    totals[1] += V(widen)(V(exponential)(V(load)(x + i + LANES) - shift));
  }
  for (; i < count; i += LANES) {
    int64_t left = count - i < LANES ? count - i : LANES;
    totals[0] += V(widen)(V(exponential)(V(load_part)(x + i, left, -INFINITY) - shift));
  }
  return V(sum_double)(totals[0] + totals[1]);
}

static void V(log_sum_exp_rows)(const float *x, int64_t rows, int64_t count, int64_t stride,
                                double *log_sum_exp, int32_t *argmax) {
  for (int64_t row = 0; row < rows; row++, x += stride) {
    float top = V(indexed_maximum)(x, count, &argmax[row]);
    log_sum_exp[row] = log(V(sum_of_exponentials)(x, count, top)) + (double)top;
  }
}

static void V(exp_normalize_rows)(float *x, int64_t rows, int64_t count, int64_t stride,
                                  const double *log_sum_exp) {
  for (int64_t row = 0; row < rows; row++, x += stride) {
    // x − shift is rounded to float; the part of the shift a float cannot hold becomes a factor.
    float shift = (float)log_sum_exp[row];
    float factor = (float)exp((double)shift - log_sum_exp[row]);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
      V(store)(x + i, V(exponential)(V(load)(x + i) - shift) * factor);
    }
    if (i < count) {
      vf e = V(exponential)(V(load_part)(x + i, count - i, 0.0f) - shift) * factor;
      V(store_part)(x + i, e, count - i);
    }
  }
}

/// e^x − 1 − x, from its series where the difference would lose digits.
VISE_INLINE vf V(exponential_rest)(vf x) {
  vf p = (vf)1.98412698e-4f;
  p = p * x + 1.38888889e-3f;
  p = p * x + 8.33333333e-3f;
  p = p * x + 4.16666667e-2f;
  p = p * x + 1.66666667e-1f;
  p = p * x + 0.5f;
  vf magnitude = V(from_bits)(V(bits)(x) & (vi)0x7FFFFFFF);
  return magnitude < 0.5f ? p * (x * x) : (V(exponential)(x) - 1.0f) - x;
}

/// Sixteen bfloat16 numbers.
VISE_INLINE vf V(brain_floats)(const uint16_t *p) {
  uint16_t __attribute__((ext_vector_type(16))) words;
  memcpy(&words, p, sizeof words);
  return V(from_bits)(__builtin_convertvector(words, vi) << 16);
}

static void V(divergence_terms)(const uint16_t *p, const float *change, int64_t count,
                                double terms[3]) {
  vd sums[3] = {(vd)0.0, (vd)0.0, (vd)0.0};
  for (int64_t i = 0; i < count; i += LANES) {
    vf share, delta;
    if (i + LANES <= count) {
      share = V(brain_floats)(p + i);
      delta = V(load)(change + i);
    } else {
      uint16_t rest[LANES] = {0};
      memcpy(rest, p + i, (size_t)(count - i) * sizeof *p);
      share = V(brain_floats)(rest);
      delta = V(load_part)(change + i, count - i, 0.0f);
    }
    sums[0] += V(widen)(share);
    sums[1] += V(widen)(share * delta);
    sums[2] += V(widen)(share * V(exponential_rest)(delta));
  }
  for (int k = 0; k < 3; k++) terms[k] = V(sum_double)(sums[k]);
}
