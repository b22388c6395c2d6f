#ifndef VISE_CONVOLVE_H
#define VISE_CONVOLVE_H

#include <stdint.h>

/// Filters whose sums lie side by side; weights of others are zero.
#define VISE_FILTER_BLOCK 16

/// What one output of a convolution reads: `runs` runs of `length` floats, run r at `offsets[r]`.
///
/// With the channels of a pixel side by side a row of the kernel is one run, or one a column where
/// it is dilated.
struct vise_taps {
  const int64_t *offsets;
  int64_t runs;
  int64_t length;
};

/// y[p · y_step + b · 16 + f] = Σ_k w[(b · depth + k) · 16 + f] · x[p · x_step + place(k)].
///
/// For p < `pixels`, b < `blocks`, f < 16; k counts the floats of the taps in order and depth is
/// their number. Sums run over k in order, each product fused into its sum.
void vise_pixel_sums(const float *restrict w, int64_t blocks, struct vise_taps taps,
                     const float *restrict x, int64_t x_step, int64_t pixels, float *restrict y,
                     int64_t y_step);

/// The same on one CPU variant (VISE_VARIANT_…), which the CPU must have.
void vise_pixel_sums_variant(int variant, const float *restrict w, int64_t blocks,
                             struct vise_taps taps, const float *restrict x, int64_t x_step,
                             int64_t pixels, float *restrict y, int64_t y_step);

/// The definition of `vise_pixel_sums`.
void vise_pixel_sums_reference(const float *restrict w, int64_t blocks, struct vise_taps taps,
                               const float *restrict x, int64_t x_step, int64_t pixels,
                               float *restrict y, int64_t y_step);

/// y[p] = shift + Σ_k w[k] · x[p · x_step + offsets[k]] for p < `pixels`, k < `taps`: one filter on
/// one plane.
///
/// Sums begin with the shift and run over k in order, each product fused into its sum.
void vise_plane_sums(const float *restrict w, const int64_t *restrict offsets, int64_t taps,
                     const float *restrict x, int64_t x_step, int64_t pixels, float shift,
                     float *restrict y);

/// The same on one CPU variant, which the CPU must have.
void vise_plane_sums_variant(int variant, const float *restrict w, const int64_t *restrict offsets,
                             int64_t taps, const float *restrict x, int64_t x_step,
                             int64_t pixels, float shift, float *restrict y);

/// The definition of `vise_plane_sums`.
void vise_plane_sums_reference(const float *restrict w, const int64_t *restrict offsets,
                               int64_t taps, const float *restrict x, int64_t x_step,
                               int64_t pixels, float shift, float *restrict y);

/// dw[k] += Σ_p dy[p] · x[p · x_step + offsets[k]]: the gradient of `vise_plane_sums`; in any order.
void vise_plane_dots(const float *restrict dy, const int64_t *restrict offsets, int64_t taps,
                     const float *restrict x, int64_t x_step, int64_t pixels,
                     float *restrict dw);

/// How sums become outputs: act(sum · factors[f] + shifts[f] + more).
struct vise_finish {
  /// Sixteen each.
  const float *factors;
  const float *shifts;
  /// Lies as the result does; null adds nothing.
  const float *more;
  /// act is max(0, ·), else nothing.
  int rectify;
};

/// y[f · plane + p] = act(x[p · x_step + f] · factors[f] + shifts[f] + more[f · plane + p]).
///
/// For p < `pixels` and f < `filters` ≤ 16; all sixteen of x are read.
void vise_finish_pixels(const float *restrict x, int64_t x_step, int64_t pixels, int64_t filters,
                        struct vise_finish finish, float *restrict y, int64_t plane);

/// y[p · y_step + c] = x[c · plane + p] for p < `pixels`, c < `channels` ≤ y_step.
void vise_interleave(const float *restrict x, int64_t plane, int64_t pixels, int64_t channels,
                     float *restrict y, int64_t y_step);

#endif
