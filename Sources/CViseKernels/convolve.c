#include "vise_convolve.h"

#include <math.h>
#include <stddef.h>

#define VISE_BODY "convolve_body.h"
#include "each_variant.h"

void vise_shifted_sums_variant(int variant, const float *restrict w,
                               const int64_t *restrict offsets, int64_t depth,
                               const float *restrict x, int64_t count, float *restrict y,
                               int64_t y_stride) {
  VISE_CALL(variant, shifted_sums, w, offsets, depth, x, count, y, y_stride);
}

void vise_shifted_sums(const float *restrict w, const int64_t *restrict offsets, int64_t depth,
                       const float *restrict x, int64_t count, float *restrict y,
                       int64_t y_stride) {
  VISE_CALL(vise_variant(), shifted_sums, w, offsets, depth, x, count, y, y_stride);
}

void vise_shifted_sums_reference(const float *restrict w, const int64_t *restrict offsets,
                                 int64_t depth, const float *restrict x, int64_t count,
                                 float *restrict y, int64_t y_stride) {
  for (int f = 0; f < VISE_FILTER_BLOCK; f++) {
    for (int64_t p = 0; p < count; p++) {
      float sum = 0.0f;
      for (int64_t k = 0; k < depth; k++) {
        sum = fmaf(w[k * VISE_FILTER_BLOCK + f], x[offsets[k] + p], sum);
      }
      y[f * y_stride + p] = sum;
    }
  }
}

void vise_finish_rows(const float *restrict x, int64_t rows, int64_t width, int64_t x_stride,
                      float factor, float shift, const float *restrict more, int rectify,
                      float *restrict y) {
  VISE_CALL(vise_variant(), finish_rows, x, rows, width, x_stride, factor, shift, more, rectify,
            y);
}

void vise_pad_plane(const float *restrict x, int64_t rows, int64_t width, int64_t top,
                    int64_t left, int64_t y_rows, int64_t y_width, float *restrict y) {
  VISE_CALL(vise_variant(), pad_plane, x, rows, width, top, left, y_rows, y_width, y);
}
