// What the neural kernels compute, written for reading: one element at a time, in double.
#include <math.h>
#include <string.h>

#include "vise_kernel_variants.h"

void vise_rms_norm_rows_reference(const float *x, int64_t rows, int64_t count, const float *weight,
                                  float epsilon, float *y) {
  for (int64_t r = 0; r < rows; r++) {
    double squares = 0;
    for (int64_t i = 0; i < count; i++) squares += (double)x[r * count + i] * x[r * count + i];
    double root = sqrt(squares / (double)count + (double)epsilon);
    for (int64_t i = 0; i < count; i++) {
      y[r * count + i] = (float)(x[r * count + i] / root * weight[i]);
    }
  }
}

void vise_layer_norm_rows_reference(const float *x, int64_t rows, int64_t count,
                                    const float *weight, const float *bias, float epsilon,
                                    float *y) {
  for (int64_t r = 0; r < rows; r++) {
    const float *row = x + r * count;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < count; i++) mean += row[i] / (double)count;
    for (int64_t i = 0; i < count; i++) variance += (row[i] - mean) * (row[i] - mean);
    double root = sqrt(variance / (double)count + (double)epsilon);
    for (int64_t i = 0; i < count; i++) {
      y[r * count + i] = (float)((row[i] - mean) / root * weight[i] + bias[i]);
    }
  }
}

void vise_silu_multiply_reference(const float *gate, const float *up, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = (float)(gate[i] / (1 + exp(-(double)gate[i])) * up[i]);
}

static double gelu(double x) {
  return 0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
}

void vise_gelu_multiply_reference(const float *gate, const float *up, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = (float)(gelu(gate[i]) * up[i]);
}

void vise_gelu_reference(const float *x, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = (float)gelu(x[i]);
}

void vise_soft_cap_reference(float *x, int64_t count, float cap) {
  for (int64_t i = 0; i < count; i++) x[i] = (float)(cap * tanh((double)x[i] / cap));
}

void vise_rope_rows_reference(float *x, int64_t rows, int64_t stride, int64_t heads,
                              int64_t head_length, int64_t rotary, int64_t first_position,
                              const float *table, int interleaved) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t i = 0; i < rotary / 2; i++) {
        float *a = x + r * stride + h * head_length + (interleaved ? 2 * i : i);
        float *b = a + (interleaved ? 1 : rotary / 2);
        const float *angle = table + ((first_position + r) * (rotary / 2) + i) * 2;
        double first = *a, second = *b;
        *a = (float)(first * angle[0] - second * angle[1]);
        *b = (float)(first * angle[1] + second * angle[0]);
      }
    }
  }
}

void vise_causal_softmax_rows_reference(float *scores, int64_t rows, int64_t columns,
                                        int64_t stride, int64_t first_position, int64_t window,
                                        float scale) {
  for (int64_t r = 0; r < rows; r++) {
    float *x = scores + r * stride;
    int64_t position = first_position + r;
    double top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < columns; c++) {
      int visible = c <= position && (window <= 0 || c > position - window);
      if (visible && (double)x[c] * scale > top) top = (double)x[c] * scale;
    }
    for (int64_t c = 0; c < columns; c++) {
      int visible = c <= position && (window <= 0 || c > position - window);
      if (visible) sum += exp((double)x[c] * scale - top);
    }
    for (int64_t c = 0; c < columns; c++) {
      int visible = c <= position && (window <= 0 || c > position - window);
      x[c] = visible ? (float)(exp((double)x[c] * scale - top) / sum) : 0;
    }
  }
}

void vise_log_sum_exp_rows_reference(const float *x, int64_t rows, int64_t count, int64_t stride,
                                     double *log_sum_exp, int32_t *argmax) {
  for (int64_t r = 0; r < rows; r++) {
    const float *row = x + r * stride;
    int64_t best = 0;
    double sum = 0;
    for (int64_t i = 1; i < count; i++) best = row[i] > row[best] ? i : best;
    for (int64_t i = 0; i < count; i++) sum += exp((double)row[i] - row[best]);
    argmax[r] = (int32_t)best;
    log_sum_exp[r] = log(sum) + row[best];
  }
}

void vise_exp_normalize_rows_reference(float *x, int64_t rows, int64_t count, int64_t stride,
                                       const double *log_sum_exp) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t i = 0; i < count; i++) {
      x[r * stride + i] = (float)exp((double)x[r * stride + i] - log_sum_exp[r]);
    }
  }
}

void vise_divergence_terms_reference(const uint16_t *p, const float *change, int64_t count,
                                     double terms[3]) {
  terms[0] = terms[1] = terms[2] = 0.0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)p[i] << 16;
    float share;
    memcpy(&share, &bits, sizeof share);
    terms[0] += share;
    terms[1] += (double)share * change[i];
    terms[2] += share * (expm1((double)change[i]) - change[i]);
  }
}

double vise_dot_reference(const float *a, const float *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)a[i] * b[i];
  return sum;
}

double vise_squared_distance_reference(const float *a, const float *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sum;
}
