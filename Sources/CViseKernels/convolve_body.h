// Sums over the windows of images whose channels lie side by side: the body of convolve.c.
#include "vector_body.h"

#define VISE_UNROLL _Pragma("clang loop unroll(full)")

/// Pixels and blocks of filters whose sums stay in registers.
#if defined(VISE_WIDE)
#define VISE_TILE_PIXELS 14
#define VISE_TILE_BLOCKS 2
#else
#define VISE_TILE_PIXELS 3
#define VISE_TILE_BLOCKS 1
#endif
/// Pixels reached from one pointer: more pointers than registers would cost the reads their speed.
#define VISE_POINTED 3

VISE_INLINE void V(pixel_tile)(const float *restrict w, int64_t depth, struct vise_taps taps,
                               const float *restrict x, int64_t x_step, float *restrict y,
                               int64_t y_step, const int pixels, const int blocks) {
  const int pointers = (pixels + VISE_POINTED - 1) / VISE_POINTED;
  vf sums[VISE_TILE_PIXELS][VISE_TILE_BLOCKS];
  VISE_UNROLL for (int p = 0; p < pixels; p++) {
    VISE_UNROLL for (int b = 0; b < blocks; b++) sums[p][b] = (vf)0.0f;
  }
  for (int64_t run = 0; run < taps.runs; run++) {
    const float *at[VISE_TILE_PIXELS];
    VISE_UNROLL for (int j = 0; j < pointers; j++) {
      at[j] = x + taps.offsets[run] + j * VISE_POINTED * x_step;
    }
    _Pragma("clang loop unroll(disable)") for (int64_t i = 0; i < taps.length; i++) {
      vf weights[VISE_TILE_BLOCKS];
      VISE_UNROLL for (int b = 0; b < blocks; b++) {
        weights[b] = V(load)(w + b * depth * VISE_FILTER_BLOCK);
      }
      w += VISE_FILTER_BLOCK;
      VISE_UNROLL for (int p = 0; p < pixels; p++) {
        vf value = (vf)at[p / VISE_POINTED][p % VISE_POINTED * x_step];
        VISE_UNROLL for (int b = 0; b < blocks; b++) {
          sums[p][b] = __builtin_elementwise_fma(value, weights[b], sums[p][b]);
        }
      }
      VISE_UNROLL for (int j = 0; j < pointers; j++) at[j]++;
    }
  }
  VISE_UNROLL for (int p = 0; p < pixels; p++) {
    VISE_UNROLL for (int b = 0; b < blocks; b++) {
      V(store)(y + p * y_step + b * VISE_FILTER_BLOCK, sums[p][b]);
    }
  }
}

/// A row of pixels in tiles of about the same length.
VISE_INLINE void V(pixel_row)(const float *restrict w, int64_t depth, struct vise_taps taps,
                              const float *restrict x, int64_t x_step, int64_t pixels,
                              float *restrict y, int64_t y_step, const int blocks) {
  while (pixels > 0) {
    int64_t tiles = (pixels + VISE_TILE_PIXELS - 1) / VISE_TILE_PIXELS;
    int64_t taken = (pixels + tiles - 1) / tiles;
#define VISE_TILE(count)                                                    \
  case count:                                                               \
    V(pixel_tile)(w, depth, taps, x, x_step, y, y_step, count, blocks);     \
    break;
    switch (taken) {
      VISE_TILE(1)
      VISE_TILE(2)
      VISE_TILE(3)
#if VISE_TILE_PIXELS == 14
      VISE_TILE(4)
      VISE_TILE(5)
      VISE_TILE(6)
      VISE_TILE(7)
      VISE_TILE(8)
      VISE_TILE(9)
      VISE_TILE(10)
      VISE_TILE(11)
      VISE_TILE(12)
      VISE_TILE(13)
      VISE_TILE(14)
#endif
    }
#undef VISE_TILE
    x += taken * x_step;
    y += taken * y_step;
    pixels -= taken;
  }
}

static void V(pixel_sums)(const float *restrict w, int64_t blocks, struct vise_taps taps,
                          const float *restrict x, int64_t x_step, int64_t pixels,
                          float *restrict y, int64_t y_step) {
  int64_t depth = taps.runs * taps.length, block = 0;
#if VISE_TILE_BLOCKS == 2
  for (; block + 2 <= blocks; block += 2) {
    V(pixel_row)(w + block * depth * VISE_FILTER_BLOCK, depth, taps, x, x_step, pixels,
                 y + block * VISE_FILTER_BLOCK, y_step, 2);
  }
#endif
  for (; block < blocks; block++) {
    V(pixel_row)(w + block * depth * VISE_FILTER_BLOCK, depth, taps, x, x_step, pixels,
                 y + block * VISE_FILTER_BLOCK, y_step, 1);
  }
}

/// Exchanges lanes that differ in one bit between two rows, which differ in the same one.
#define VISE_EXCHANGE(name, low, high)                              \
  VISE_INLINE void V(name)(vf *restrict a, vf *restrict b) {        \
    vf first = low, second = high;                                  \
    *a = first;                                                     \
    *b = second;                                                    \
  }
VISE_EXCHANGE(exchange_1,
              __builtin_shufflevector(*a, *b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28,
                                      14, 30),
              __builtin_shufflevector(*a, *b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29,
                                      15, 31))
VISE_EXCHANGE(exchange_2,
              __builtin_shufflevector(*a, *b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13,
                                      28, 29),
              __builtin_shufflevector(*a, *b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15,
                                      30, 31))
VISE_EXCHANGE(exchange_4,
              __builtin_shufflevector(*a, *b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25,
                                      26, 27),
              __builtin_shufflevector(*a, *b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29,
                                      30, 31))
VISE_EXCHANGE(exchange_8,
              __builtin_shufflevector(*a, *b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22,
                                      23),
              __builtin_shufflevector(*a, *b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28,
                                      29, 30, 31))
#undef VISE_EXCHANGE

/// Sixteen rows of sixteen become their columns.
VISE_INLINE void V(transpose)(vf rows[LANES]) {
  VISE_UNROLL for (int i = 0; i < LANES; i += 2) V(exchange_1)(rows + i, rows + i + 1);
  VISE_UNROLL for (int i = 0; i < LANES; i++) {
    if (!(i & 2)) V(exchange_2)(rows + i, rows + i + 2);
  }
  VISE_UNROLL for (int i = 0; i < LANES; i++) {
    if (!(i & 4)) V(exchange_4)(rows + i, rows + i + 4);
  }
  VISE_UNROLL for (int i = 0; i < LANES / 2; i++) V(exchange_8)(rows + i, rows + i + 8);
}

VISE_INLINE vf V(finished)(vf x, struct vise_finish finish, int64_t filter, vf more) {
  vf value = x * finish.factors[filter] + finish.shifts[filter] + more;
  return finish.rectify ? (value < 0.0f ? (vf)0.0f : value) : value;
}

static void V(finish_pixels)(const float *restrict x, int64_t x_step, int64_t pixels,
                             int64_t filters, struct vise_finish finish, float *restrict y,
                             int64_t plane) {
  for (int64_t first = 0; first < pixels; first += LANES) {
    int64_t count = pixels - first < LANES ? pixels - first : LANES;
    vf rows[LANES];
    VISE_UNROLL for (int64_t i = 0; i < LANES; i++) {
      rows[i] = i < count ? V(load)(x + (first + i) * x_step) : (vf)0.0f;
    }
    V(transpose)(rows);
    for (int64_t f = 0; f < filters; f++) {
      int64_t place = f * plane + first;
      if (count == LANES) {
        vf more = finish.more ? V(load)(finish.more + place) : (vf)0.0f;
        V(store)(y + place, V(finished)(rows[f], finish, f, more));
      } else {
        vf more = finish.more ? V(load_part)(finish.more + place, count, 0.0f) : (vf)0.0f;
        V(store_part)(y + place, V(finished)(rows[f], finish, f, more), count);
      }
    }
  }
}

/// Up to sixteen channels of `interleave`.
VISE_INLINE void V(interleave_block)(const float *restrict x, int64_t plane, int64_t pixels,
                                     int64_t count, int64_t y_step, float *restrict y) {
  for (int64_t first = 0; first < pixels; first += LANES) {
    int64_t here = pixels - first < LANES ? pixels - first : LANES;
    vf rows[LANES];
    VISE_UNROLL for (int64_t c = 0; c < LANES; c++) {
      rows[c] = c >= count     ? (vf)0.0f
                : here < LANES ? V(load_part)(x + c * plane + first, here, 0.0f)
                               : V(load)(x + c * plane + first);
    }
    V(transpose)(rows);
    float *target = y + first * y_step;
    if (count == LANES) {
      for (int64_t p = 0; p < here; p++) V(store)(target + p * y_step, rows[p]);
    } else {
      for (int64_t p = 0; p < here; p++) V(store_part)(target + p * y_step, rows[p], count);
    }
  }
}

static void V(interleave)(const float *restrict x, int64_t plane, int64_t pixels,
                          int64_t channels, float *restrict y, int64_t y_step) {
  if (channels == 1 && y_step == 1) {
    memcpy(y, x, (size_t)pixels * sizeof(float));
    return;
  }
  for (int64_t first = 0; first < channels; first += LANES) {
    int64_t count = channels - first < LANES ? channels - first : LANES;
    V(interleave_block)(x + first * plane, plane, pixels, count, y_step, y + first);
  }
}

/// Sixteen floats `x_step` apart, of which `count` are read.
VISE_INLINE vf V(load_strided)(const float *restrict x, int64_t x_step, int64_t count) {
  if (x_step == 1) return count < LANES ? V(load_part)(x, count, 0.0f) : V(load)(x);
  if (x_step == 2 && count == LANES) {
    vf low = V(load)(x), high = V(load)(x + LANES - 1);
    return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29,
                                   31);
  }
  vf v = (vf)0.0f;
  for (int64_t i = 0; i < count; i++) v[i] = x[i * x_step];
  return v;
}

/// Vectors of sums that do not wait for each other.
#define VISE_PLANE_VECTORS 4

static void V(plane_sums)(const float *restrict w, const int64_t *restrict offsets, int64_t taps,
                          const float *restrict x, int64_t x_step, int64_t pixels, float shift,
                          float *restrict y) {
  const int64_t wide = VISE_PLANE_VECTORS * LANES;
  for (; pixels >= wide; pixels -= wide, x += wide * x_step, y += wide) {
    vf sums[VISE_PLANE_VECTORS];
    VISE_UNROLL for (int v = 0; v < VISE_PLANE_VECTORS; v++) sums[v] = (vf)shift;
    for (int64_t k = 0; k < taps; k++) {
      vf weight = (vf)w[k];
      VISE_UNROLL for (int v = 0; v < VISE_PLANE_VECTORS; v++) {
        vf value = V(load_strided)(x + offsets[k] + v * LANES * x_step, x_step, LANES);
        sums[v] = __builtin_elementwise_fma(weight, value, sums[v]);
      }
    }
    VISE_UNROLL for (int v = 0; v < VISE_PLANE_VECTORS; v++) V(store)(y + v * LANES, sums[v]);
  }
  for (int64_t first = 0; first < pixels; first += LANES) {
    int64_t count = pixels - first < LANES ? pixels - first : LANES;
    vf sum = (vf)shift;
    for (int64_t k = 0; k < taps; k++) {
      vf value = V(load_strided)(x + offsets[k] + first * x_step, x_step, count);
      sum = __builtin_elementwise_fma((vf)w[k], value, sum);
    }
    if (count < LANES) {
      V(store_part)(y + first, sum, count);
    } else {
      V(store)(y + first, sum);
    }
  }
}

static void V(plane_dots)(const float *restrict dy, const int64_t *restrict offsets, int64_t taps,
                          const float *restrict x, int64_t x_step, int64_t pixels,
                          float *restrict dw) {
  for (int64_t k = 0; k < taps; k++) {
    vf sum = (vf)0.0f;
    for (int64_t first = 0; first < pixels; first += LANES) {
      int64_t count = pixels - first < LANES ? pixels - first : LANES;
      vf gradient = count < LANES ? V(load_part)(dy + first, count, 0.0f) : V(load)(dy + first);
      vf value = V(load_strided)(x + offsets[k] + first * x_step, x_step, count);
      sum = __builtin_elementwise_fma(gradient, value, sum);
    }
    dw[k] += V(sum)(sum);
  }
}

#undef VISE_UNROLL
#undef VISE_TILE_PIXELS
#undef VISE_TILE_BLOCKS
#undef VISE_POINTED
#undef VISE_PLANE_VECTORS
