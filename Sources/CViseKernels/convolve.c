#include "vise_convolve.h"

#include <math.h>
#include <stddef.h>

#define VISE_BODY "convolve_body.h"
#include "each_variant.h"

void vise_pixel_sums_variant(int variant, const float *restrict w, int64_t blocks,
                             struct vise_taps taps, const float *restrict x, int64_t x_step,
                             int64_t pixels, float *restrict y, int64_t y_step) {
  VISE_CALL(variant, pixel_sums, w, blocks, taps, x, x_step, pixels, y, y_step);
}

void vise_pixel_sums(const float *restrict w, int64_t blocks, struct vise_taps taps,
                     const float *restrict x, int64_t x_step, int64_t pixels, float *restrict y,
                     int64_t y_step) {
  VISE_CALL(vise_variant(), pixel_sums, w, blocks, taps, x, x_step, pixels, y, y_step);
}

void vise_pixel_sums_reference(const float *restrict w, int64_t blocks, struct vise_taps taps,
                               const float *restrict x, int64_t x_step, int64_t pixels,
                               float *restrict y, int64_t y_step) {
  int64_t depth = taps.runs * taps.length;
  for (int64_t p = 0; p < pixels; p++) {
    for (int64_t f = 0; f < blocks * VISE_FILTER_BLOCK; f++) {
      const float *weights =
          w + f / VISE_FILTER_BLOCK * depth * VISE_FILTER_BLOCK + f % VISE_FILTER_BLOCK;
      float sum = 0.0f;
      for (int64_t k = 0; k < depth; k++) {
        int64_t place = taps.offsets[k / taps.length] + k % taps.length;
        sum = fmaf(weights[k * VISE_FILTER_BLOCK], x[p * x_step + place], sum);
      }
      y[p * y_step + f] = sum;
    }
  }
}

void vise_finish_pixels(const float *restrict x, int64_t x_step, int64_t pixels, int64_t filters,
                        struct vise_finish finish, float *restrict y, int64_t plane) {
  VISE_CALL(vise_variant(), finish_pixels, x, x_step, pixels, filters, finish, y, plane);
}

void vise_interleave(const float *restrict x, int64_t plane, int64_t pixels, int64_t channels,
                     float *restrict y, int64_t y_step) {
  VISE_CALL(vise_variant(), interleave, x, plane, pixels, channels, y, y_step);
}

void vise_plane_sums_variant(int variant, const float *restrict w, const int64_t *restrict offsets,
                             int64_t taps, const float *restrict x, int64_t x_step,
                             int64_t pixels, float shift, float *restrict y) {
  VISE_CALL(variant, plane_sums, w, offsets, taps, x, x_step, pixels, shift, y);
}

void vise_plane_sums(const float *restrict w, const int64_t *restrict offsets, int64_t taps,
                     const float *restrict x, int64_t x_step, int64_t pixels, float shift,
                     float *restrict y) {
  VISE_CALL(vise_variant(), plane_sums, w, offsets, taps, x, x_step, pixels, shift, y);
}

void vise_plane_sums_reference(const float *restrict w, const int64_t *restrict offsets,
                               int64_t taps, const float *restrict x, int64_t x_step,
                               int64_t pixels, float shift, float *restrict y) {
  for (int64_t p = 0; p < pixels; p++) {
    float sum = shift;
    for (int64_t k = 0; k < taps; k++) sum = fmaf(w[k], x[p * x_step + offsets[k]], sum);
    y[p] = sum;
  }
}

void vise_plane_dots(const float *restrict dy, const int64_t *restrict offsets, int64_t taps,
                     const float *restrict x, int64_t x_step, int64_t pixels,
                     float *restrict dw) {
  VISE_CALL(vise_variant(), plane_dots, dy, offsets, taps, x, x_step, pixels, dw);
}
