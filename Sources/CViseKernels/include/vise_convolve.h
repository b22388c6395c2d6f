#ifndef VISE_CONVOLVE_H
#define VISE_CONVOLVE_H

#include <stdint.h>

/// Filters whose sums are made together; weights of others are zero.
#define VISE_FILTER_BLOCK 8
/// Floats beyond the last that may be read of a row, and written of a sum.
#define VISE_CONVOLVE_SLACK 48

/// y[f · y_stride + p] = Σ_k w[k · 8 + f] · x[offsets[k] + p] for eight filters f, p < `count`.
///
/// A convolution of stride 1 is such sums over an image whose rows lie behind each other with their
/// padding: `offsets` are the places of the kernel's elements in all channels. Sums run over k in
/// order, each product fused into its sum. Reads up to VISE_CONVOLVE_SLACK floats beyond the last
/// position of each row, and writes whole sixteens: y_stride ≥ `count` rounded up to a multiple of 16.
void vise_shifted_sums(const float *restrict w, const int64_t *restrict offsets, int64_t depth,
                       const float *restrict x, int64_t count, float *restrict y,
                       int64_t y_stride);

/// The same on one CPU variant (VISE_VARIANT_…), which the CPU must have.
void vise_shifted_sums_variant(int variant, const float *restrict w,
                               const int64_t *restrict offsets, int64_t depth,
                               const float *restrict x, int64_t count, float *restrict y,
                               int64_t y_stride);

/// The definition of `vise_shifted_sums`; writes y[f · y_stride + p] for p < `count` alone.
void vise_shifted_sums_reference(const float *restrict w, const int64_t *restrict offsets,
                                 int64_t depth, const float *restrict x, int64_t count,
                                 float *restrict y, int64_t y_stride);

/// y[r · width + i] = act(x[r · x_stride + i] · factor + shift + more[r · width + i]).
///
/// `more` may be null and then adds nothing; act is max(0, ·) with `rectify`, else nothing.
void vise_finish_rows(const float *restrict x, int64_t rows, int64_t width, int64_t x_stride,
                      float factor, float shift, const float *restrict more, int rectify,
                      float *restrict y);

/// Copies `rows` rows of `width` floats to the places left … of rows of `y_width` floats.
///
/// Everything else of the y_rows · y_width floats becomes 0: `top` rows above, the rest below.
void vise_pad_plane(const float *restrict x, int64_t rows, int64_t width, int64_t top,
                    int64_t left, int64_t y_rows, int64_t y_width, float *restrict y);

#endif
