#ifndef VISE_KERNEL_VARIANTS_H
#define VISE_KERNEL_VARIANTS_H

#include <stdint.h>

// For tests and benchmarks: the scalar definitions of the neural kernels, in double, and the
// variants of the block codecs by name. The kernels proper choose the variant themselves.

enum {
  VISE_VARIANT_PORTABLE = 0,
  VISE_VARIANT_AVX2 = 1,
  VISE_VARIANT_AVX512 = 2,
};

/// The best variant this CPU can run; all lower ones run as well.
int vise_best_variant(void);

/// `vise_ggml_decode` with the variant named by the caller.
int vise_ggml_decode_variant(int variant, uint32_t type, const void *restrict source,
                             float *restrict destination, int64_t count);

/// `vise_ggml_encode_rows` with the variant named by the caller.
int vise_ggml_encode_variant(int variant, uint32_t type, const float *restrict source,
                             void *restrict destination, int64_t rows, int64_t columns,
                             const float *restrict importance);

/// `vise_ggml_feedback` and `vise_ggml_descent` with the variant named by the caller.
int vise_ggml_feedback_variant(int variant, uint32_t type, float *w, int64_t stride, int64_t rows,
                               int64_t columns, const float *u, int64_t u_stride,
                               const float *importance, const float *kept, int64_t kept_stride,
                               void *bytes, int64_t bytes_stride, float *errors,
                               int64_t errors_stride);
int vise_ggml_descent_variant(int variant, uint32_t type, float *values, int64_t stride,
                              int64_t rows, int64_t columns, const float *gradient,
                              int64_t gradient_stride, const float *h, int64_t h_stride,
                              const float *kept, int64_t kept_stride, void *bytes,
                              int64_t bytes_stride, float *changes, int64_t changes_stride);

void vise_rms_norm_rows_reference(const float *x, int64_t rows, int64_t count, const float *weight,
                                  float epsilon, float *y);
void vise_layer_norm_rows_reference(const float *x, int64_t rows, int64_t count,
                                    const float *weight, const float *bias, float epsilon,
                                    float *y);
void vise_silu_multiply_reference(const float *gate, const float *up, int64_t count, float *y);
void vise_gelu_multiply_reference(const float *gate, const float *up, int64_t count, float *y);
void vise_gelu_reference(const float *x, int64_t count, float *y);
void vise_soft_cap_reference(float *x, int64_t count, float cap);
void vise_rope_rows_reference(float *x, int64_t rows, int64_t stride, int64_t heads,
                              int64_t head_length, int64_t rotary, int64_t first_position,
                              const float *table, int interleaved);
void vise_causal_softmax_rows_reference(float *scores, int64_t rows, int64_t columns,
                                        int64_t stride, int64_t first_position, int64_t window,
                                        float scale);
void vise_log_sum_exp_rows_reference(const float *x, int64_t rows, int64_t count, int64_t stride,
                                     double *log_sum_exp, int32_t *argmax);
void vise_exp_normalize_rows_reference(float *x, int64_t rows, int64_t count, int64_t stride,
                                       const double *log_sum_exp);
void vise_divergence_terms_reference(const uint16_t *p, const float *change, int64_t count,
                                     double terms[3]);
double vise_dot_reference(const float *a, const float *b, int64_t count);
double vise_squared_distance_reference(const float *a, const float *b, int64_t count);

/// y = e^x with the kernels' exponential; under 2 ulp of the true value.
void vise_exp(const float *x, int64_t count, float *y);

#endif
