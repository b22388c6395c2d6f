#include "vise_kernels.h"

#include <math.h>
#include <stddef.h>

#define VISE_BODY "neural_body.h"
#include "each_variant.h"

int vise_best_variant(void) { return vise_variant(); }

void vise_exp(const float *x, int64_t count, float *y) {
  VISE_CALL(vise_variant(), exp, x, count, y);
}

void vise_rms_norm_rows(const float *x, int64_t rows, int64_t count, const float *weight,
                        float epsilon, float *y) {
  VISE_CALL(vise_variant(), rms_norm_rows, x, rows, count, weight, epsilon, y);
}

void vise_layer_norm_rows(const float *x, int64_t rows, int64_t count, const float *weight,
                          const float *bias, float epsilon, float *y) {
  VISE_CALL(vise_variant(), layer_norm_rows, x, rows, count, weight, bias, epsilon, y);
}

void vise_silu_multiply(const float *gate, const float *up, int64_t count, float *y) {
  VISE_CALL(vise_variant(), silu_multiply, gate, up, count, y);
}

void vise_gelu_multiply(const float *gate, const float *up, int64_t count, float *y) {
  VISE_CALL(vise_variant(), gelu_multiply, gate, up, count, y);
}

void vise_gelu(const float *x, int64_t count, float *y) {
  VISE_CALL(vise_variant(), gelu, x, count, y);
}

void vise_add(const float *x, int64_t count, float *y) {
  VISE_CALL(vise_variant(), add, x, count, y);
}

void vise_scale(float *x, int64_t count, float factor) {
  VISE_CALL(vise_variant(), scale, x, count, factor);
}

void vise_soft_cap(float *x, int64_t count, float cap) {
  VISE_CALL(vise_variant(), soft_cap, x, count, cap);
}

void vise_rope_rows(float *x, int64_t rows, int64_t stride, int64_t heads, int64_t head_length,
                    int64_t rotary, int64_t first_position, const float *table, int interleaved) {
  VISE_CALL(vise_variant(), rope_rows, x, rows, stride, heads, head_length, rotary,
            first_position, table, interleaved);
}

double vise_dot(const float *a, const float *b, int64_t count) {
  return VISE_CALL(vise_variant(), dot, a, b, count);
}

double vise_squared_distance(const float *a, const float *b, int64_t count) {
  return VISE_CALL(vise_variant(), squared_distance, a, b, count);
}
