#ifndef VISE_KERNELS_H
#define VISE_KERNELS_H

#include <stdint.h>

/// Decodes `count` weights of ggml type `type` from `source` into `destination`.
///
/// `count` is a multiple of the type's block length. Returns 0, or -1 for a type it cannot decode.
int vise_ggml_decode(uint32_t type, const void *restrict source, float *restrict destination,
                     int64_t count);

/// Σ value · x over the `count` weights of a packed row: the product of generating one token.
///
/// `count` is a multiple of the type's block length; NaN where it is not, or for a type that
/// `vise_ggml_decode` cannot decode.
double vise_ggml_dot_row(uint32_t type, const void *row, const float *x, int64_t count);

/// Encodes `rows` rows of `columns` weights as ggml type `type`, least squares per block.
///
/// `columns` is a multiple of the type's block length. `importance` is NULL or has one weight per
/// column; then Σ importance · (error)² is minimised. NaN counts as 0 and values beyond ±65504
/// (for BF16: beyond its range) are clamped; every value written is finite. Reads only the rows
/// given, so callers may split a matrix. Returns 0, or -1 for a type it cannot encode.
int vise_ggml_encode_rows(uint32_t type, const float *restrict source, void *restrict destination,
                          int64_t rows, int64_t columns, const float *restrict importance);

/// `vise_ggml_encode_rows` of one row of `count` weights.
int vise_ggml_encode(uint32_t type, const float *restrict source, void *restrict destination,
                     int64_t count, const float *restrict importance);

/// The block length of a type that `vise_ggml_feedback` can fill; 0 for others.
int64_t vise_ggml_solve_length(uint32_t type);

/// Whether `vise_ggml_descent` knows the type: one whose weights are scales times levels.
int vise_ggml_can_descend(uint32_t type);

/// Error feedback over `columns` ≤ 256 columns of `rows` rows, whole blocks of ggml type `type`.
///
/// `w` holds values already corrected for the columns before; each block's scales are fitted to
/// them (weighed by `importance`, one number a column), then column after column is rounded and its
/// error spread over the later columns of the chunk: w[k] −= e·u[j, k] with e = (w[j] − value) /
/// u[j, j] and u the upper factor of the inverse second moment, H⁻¹ = uᵀu. (Types whose weights are
/// points of a grid keep each block as fitted and spread its errors over the blocks behind it.)
/// `kept` is NULL or has 1 for each weight that is kept and 0 for each that is pruned, which then
/// takes the level nearest to zero while its error is spread like any other.
/// Leaves the values chosen in `w`, the errors e in `errors`, and the blocks in `bytes`. All strides
/// are between rows; that of `u` too. Returns 0, or −1 for a type or width it cannot do.
int vise_ggml_feedback(uint32_t type, float *w, int64_t stride, int64_t rows, int64_t columns,
                       const float *u, int64_t u_stride, const float *importance,
                       const float *kept, int64_t kept_stride, void *bytes, int64_t bytes_stride,
                       float *errors, int64_t errors_stride);

/// Error feedback as `vise_ggml_feedback` has it, to given levels instead of a type's blocks.
///
/// Row r rounds column j to the nearest of the `count` ≤ 256 ascending numbers at
/// `levels` + spans[j] · `span_stride` + r · count, and writes its index to `codes`.
int vise_grid_feedback(float *w, int64_t stride, int64_t rows, int64_t columns, const float *u,
                       int64_t u_stride, const float *levels, int count, int64_t span_stride,
                       const int32_t *spans, const float *kept, int64_t kept_stride,
                       uint8_t *codes, int64_t codes_stride, float *errors,
                       int64_t errors_stride);

/// Error feedback as `vise_ggml_feedback` has it, pruning instead of rounding (SparseGPT).
///
/// At the start of each `group` ≤ 256 columns the weights with the smallest (w[j] / u[j, j])² are
/// chosen: as many as `pruned` has for the row and the group. They become zero, the rest stay as
/// corrected; `kept` receives 0 and 1. Returns 0, or −1 for more than 256 columns.
int vise_sparse_feedback(float *w, int64_t stride, int64_t rows, int64_t columns, const float *u,
                         int64_t u_stride, int64_t group, const int32_t *pruned,
                         int64_t pruned_stride, float *kept, int64_t kept_stride, float *errors,
                         int64_t errors_stride);

/// One pass of coordinate descent on eᵀHe over `columns` ≤ 256 columns of encoded blocks.
///
/// `values` are what the blocks in `bytes` decode to, `gradient` is H·(values − weights) at these
/// columns and `h` the chunk's own square of H. Scales, then codes move to whatever lessens the
/// error; never to what does not. Updates `values` and `bytes`, and leaves in `changes` how each
/// value moved. `kept` is as `vise_ggml_feedback` has it.
int vise_ggml_descent(uint32_t type, float *values, int64_t stride, int64_t rows, int64_t columns,
                      const float *gradient, int64_t gradient_stride, const float *h,
                      int64_t h_stride, const float *kept, int64_t kept_stride, void *bytes,
                      int64_t bytes_stride, float *changes, int64_t changes_stride);

/// Rounds `count` activations in place as ggml's CPU kernels do before they multiply them with
/// packed weights: to half floats (type F16), to 8 bits in blocks of 32 (Q8_0) or of 256 (Q8_K).
///
/// Returns 0, or −1 for another type or a count that is no whole number of blocks (of 16 for F16).
int64_t vise_round_activations(uint32_t type, float *x, int64_t count);

/// y[r] = x[r] / sqrt(mean(x[r]²) + epsilon) · weight, for `rows` rows of `count`. `y` may be `x`.
void vise_rms_norm_rows(const float *x, int64_t rows, int64_t count, const float *weight,
                        float epsilon, float *y);

/// y[r] = (x[r] − mean) / sqrt(variance + epsilon) · weight + bias. `y` may be `x`.
void vise_layer_norm_rows(const float *x, int64_t rows, int64_t count, const float *weight,
                          const float *bias, float epsilon, float *y);

/// y = silu(gate) · up, elementwise; silu(z) = z / (1 + e^−z). `y` may be either input.
void vise_silu_multiply(const float *gate, const float *up, int64_t count, float *y);

/// y = gelu(gate) · up, elementwise, with the tanh form of GELU. `y` may be either input.
void vise_gelu_multiply(const float *gate, const float *up, int64_t count, float *y);

/// y = gelu(x), the tanh form. `y` may be `x`.
void vise_gelu(const float *x, int64_t count, float *y);

/// y += x.
void vise_add(const float *x, int64_t count, float *y);

/// x *= factor.
void vise_scale(float *x, int64_t count, float factor);

/// x = cap · tanh(x / cap), elementwise.
void vise_soft_cap(float *x, int64_t count, float cap);

/// Rotates pairs of the first `rotary` features of each head of each row (RoPE).
///
/// `x` is rows × (heads · head_length) with `stride` floats between rows. Row r is at position
/// first_position + r; `table` holds, for each position from 0, rotary/2 (cos, sin) pairs. Pairs
/// are (2i, 2i+1) when `interleaved`, else (i, i + rotary/2).
void vise_rope_rows(float *x, int64_t rows, int64_t stride, int64_t heads, int64_t head_length,
                    int64_t rotary, int64_t first_position, const float *table, int interleaved);

/// Softmax over the columns each row may see, of scale · scores; the rest become 0.
///
/// Row r is at position first_position + r and sees columns c ≤ position with
/// c > position − window (`window` ≤ 0: all). Rows are `stride` floats apart.
void vise_causal_softmax_rows(float *scores, int64_t rows, int64_t columns, int64_t stride,
                              int64_t first_position, int64_t window, float scale);

/// For each row: log Σ exp(x), summed in double, and the index of the first maximum.
void vise_log_sum_exp_rows(const float *x, int64_t rows, int64_t count, int64_t stride,
                           double *log_sum_exp, int32_t *argmax);

/// x[r] = exp(x[r] − log_sum_exp[r]): turns logits into probabilities in place.
void vise_exp_normalize_rows(float *x, int64_t rows, int64_t count, int64_t stride,
                             const double *log_sum_exp);

/// Σ p, Σ p·Δ and Σ p·(e^Δ − 1 − Δ) over `count` bfloat16 probabilities p and changes Δ of logits: what
/// KL(p‖q) is made of for q ∝ p·e^Δ. Small changes lose no digits to the subtraction.
void vise_divergence_terms(const uint16_t *p, const float *change, int64_t count,
                           double terms[3]);

/// Σ a·b and Σ (a−b)², accumulated in double.
double vise_dot(const float *a, const float *b, int64_t count);
double vise_squared_distance(const float *a, const float *b, int64_t count);

#endif
