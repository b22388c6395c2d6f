#include "vise_kernels.h"

#include <math.h>
#include <stddef.h>

#define VISE_BODY "softmax_body.h"
#include "each_variant.h"

void vise_causal_softmax_rows(float *scores, int64_t rows, int64_t columns, int64_t stride,
                              int64_t first_position, int64_t window, float scale) {
  VISE_CALL(vise_variant(), causal_softmax_rows, scores, rows, columns, stride, first_position,
            window, scale);
}

void vise_log_sum_exp_rows(const float *x, int64_t rows, int64_t count, int64_t stride,
                           double *log_sum_exp, int32_t *argmax) {
  VISE_CALL(vise_variant(), log_sum_exp_rows, x, rows, count, stride, log_sum_exp, argmax);
}

void vise_exp_normalize_rows(float *x, int64_t rows, int64_t count, int64_t stride,
                             const double *log_sum_exp) {
  VISE_CALL(vise_variant(), exp_normalize_rows, x, rows, count, stride, log_sum_exp);
}

void vise_divergence_terms(const uint16_t *p, const float *change, int64_t count,
                           double terms[3]) {
  VISE_CALL(vise_variant(), divergence_terms, p, change, count, terms);
}
