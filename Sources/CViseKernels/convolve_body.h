// Sums of shifted rows: the body of convolve.c.
#include "vector_body.h"

/// Filters and vectors of positions whose sums stay in registers.
#if defined(VISE_WIDE)
#define VISE_TILE_FILTERS 8
#define VISE_TILE_VECTORS 3
#else
#define VISE_TILE_FILTERS 4
#define VISE_TILE_VECTORS 1
#endif

VISE_INLINE void V(sum_tile)(const float *restrict w, const int64_t *restrict offsets,
                             int64_t depth, const float *restrict x, float *restrict y,
                             int64_t y_stride, const int vectors) {
  vf sums[VISE_TILE_FILTERS][VISE_TILE_VECTORS];
  for (int f = 0; f < VISE_TILE_FILTERS; f++) {
    for (int v = 0; v < vectors; v++) sums[f][v] = (vf)0.0f;
  }
  for (int64_t k = 0; k < depth; k++) {
    const float *row = x + offsets[k];
    const float *weights = w + k * VISE_FILTER_BLOCK;
    vf positions[VISE_TILE_VECTORS];
    for (int v = 0; v < vectors; v++) positions[v] = V(load)(row + v * LANES);
    for (int f = 0; f < VISE_TILE_FILTERS; f++) {
      vf weight = (vf)weights[f];
      for (int v = 0; v < vectors; v++) {
        sums[f][v] = __builtin_elementwise_fma(weight, positions[v], sums[f][v]);
      }
    }
  }
  for (int f = 0; f < VISE_TILE_FILTERS; f++) {
    for (int v = 0; v < vectors; v++) V(store)(y + f * y_stride + v * LANES, sums[f][v]);
  }
}

/// How many of the `rest` vectors a tile takes: four make two pairs rather than three and one.
VISE_INLINE int64_t V(taken)(int64_t rest) {
  if (VISE_TILE_VECTORS == 1) return 1;
  return rest == 2 || rest == 4 ? 2 : rest >= 3 ? 3 : 1;
}

static void V(shifted_sums)(const float *restrict w, const int64_t *restrict offsets,
                            int64_t depth, const float *restrict x, int64_t count,
                            float *restrict y, int64_t y_stride) {
  int64_t vectors = (count + LANES - 1) / LANES;
  for (int64_t first = 0; first < vectors;) {
    int64_t taken = V(taken)(vectors - first);
    for (int f = 0; f < VISE_FILTER_BLOCK; f += VISE_TILE_FILTERS) {
      float *sums = y + f * y_stride + first * LANES;
      const float *place = x + first * LANES;
#if VISE_TILE_VECTORS == 3
      if (taken == 3) {
        V(sum_tile)(w + f, offsets, depth, place, sums, y_stride, 3);
        continue;
      }
      if (taken == 2) {
        V(sum_tile)(w + f, offsets, depth, place, sums, y_stride, 2);
        continue;
      }
#endif
      V(sum_tile)(w + f, offsets, depth, place, sums, y_stride, 1);
    }
    first += taken;
  }
}

VISE_INLINE vf V(finished)(vf x, vf factor, vf shift, vf more, int rectify) {
  vf value = x * factor + shift + more;
  return rectify ? (value < 0.0f ? (vf)0.0f : value) : value;
}

static void V(finish_rows)(const float *restrict x, int64_t rows, int64_t width, int64_t x_stride,
                           float factor, float shift, const float *restrict more, int rectify,
                           float *restrict y) {
  for (int64_t row = 0; row < rows; row++) {
    const float *source = x + row * x_stride;
    const float *added = more ? more + row * width : NULL;
    float *target = y + row * width;
    int64_t i = 0;
    for (; i + LANES <= width; i += LANES) {
      vf add = added ? V(load)(added + i) : (vf)0.0f;
      V(store)(target + i,
               V(finished)(V(load)(source + i), (vf)factor, (vf)shift, add, rectify));
    }
    int64_t left = width - i;
    if (left > 0) {
      vf add = added ? V(load_part)(added + i, left, 0.0f) : (vf)0.0f;
      vf value = V(load_part)(source + i, left, 0.0f);
      V(store_part)(target + i, V(finished)(value, (vf)factor, (vf)shift, add, rectify), left);
    }
  }
}

static void V(pad_plane)(const float *restrict x, int64_t rows, int64_t width, int64_t top,
                         int64_t left, int64_t y_rows, int64_t y_width, float *restrict y) {
  int64_t right = y_width - left - width;
  for (int64_t i = 0; i < top * y_width + left; i++) y[i] = 0.0f;
  float *target = y + top * y_width + left;
  for (int64_t row = 0; row < rows; row++) {
    int64_t i = 0;
    for (; i + LANES <= width; i += LANES) V(store)(target + i, V(load)(x + i));
    for (; i < width; i++) target[i] = x[i];
    int64_t gap = row + 1 < rows ? right + left : right;
    for (int64_t j = 0; j < gap; j++) target[width + j] = 0.0f;
    x += width;
    target += y_width;
  }
  float *end = y + y_rows * y_width;
  float *rest = rows > 0 ? y + (top + rows) * y_width : y + top * y_width + left;
  for (; rest < end; rest++) *rest = 0.0f;
}

#undef VISE_TILE_FILTERS
#undef VISE_TILE_VECTORS
