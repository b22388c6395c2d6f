// Rounding to grids: the body of grid.c.
#include "vector_body.h"

#ifndef VISE_GRID_LIMITS
#define VISE_GRID_LIMITS
/// Up to so many levels all thresholds are compared; above, they are searched.
enum { VISE_COMPARED_LEVELS = 32, VISE_MOST_LEVELS = 256 };
#endif

/// The thresholds between levels, and +∞ after the last.
VISE_INLINE void V(thresholds)(const float *levels, int64_t count, float *between) {
  for (int64_t i = 0; i + 1 < count; i++) between[i] = (levels[i] + levels[i + 1]) * 0.5f;
  for (int64_t i = count > 0 ? count - 1 : 0; i < VISE_MOST_LEVELS; i++) between[i] = INFINITY;
}

/// table[at] for sixteen indices.
VISE_INLINE vf V(gathered)(const float *table, vi at) {
#if defined(VISE_AVX)
  __m256i low, high;
  memcpy(&low, &at, sizeof low);
  memcpy(&high, (const char *)&at + sizeof low, sizeof high);
  __m256 parts[2] = {_mm256_i32gather_ps(table, low, 4), _mm256_i32gather_ps(table, high, 4)};
  vf found;
  memcpy(&found, parts, sizeof found);
  return found;
#else
  vf found;
  for (int lane = 0; lane < LANES; lane++) found[lane] = table[at[lane]];
  return found;
#endif
}

/// How many thresholds of a table padded to `size`, a power of two, lie below each x.
VISE_INLINE vi V(search)(vf x, const float *between, int size) {
  vi code = (vi)0;
  for (int step = size / 2; step > 0; step /= 2) {
    code += (x > V(gathered)(between, code + (step - 1))) & step;
  }
  return code;
}

VISE_INLINE int V(padded)(int64_t count) {
  int size = 1;
  while (size < count) size *= 2;
  return size;
}

/// The levels nearest to sixteen values.
VISE_INLINE vf V(nearest_levels)(vf x, const float *levels, const float *between, int64_t count,
                                 int size) {
  if (count <= VISE_COMPARED_LEVELS) {
    vf y = (vf)levels[0];
    for (int64_t i = 1; i < count; i++) y = x > (vf)between[i - 1] ? (vf)levels[i] : y;
    return y;
  }
  return V(gathered)(levels, V(search)(x, between, size));
}

VISE_INLINE vf V(weighed)(vf error, const float *importance, int64_t count) {
  vf squared = error * error;
  if (importance == NULL) return squared;
  return squared * (count == LANES ? V(load)(importance) : V(load_part)(importance, count, 0));
}

VISE_INLINE double V(level_error)(const float *x, int64_t n, const float *importance,
                                  const float *levels, const float *between, int64_t count) {
  int size = V(padded)(count);
  vd sum = (vd)0.0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    vf v = V(load)(x + i);
    vf off = v - V(nearest_levels)(v, levels, between, count, size);
    sum += V(widen)(V(weighed)(off, importance ? importance + i : NULL, LANES));
  }
  if (i < n) {
    vf v = V(load_part)(x + i, n - i, levels[0]);
    vf off = v - V(nearest_levels)(v, levels, between, count, size);
    sum += V(widen)(V(weighed)(off, importance ? importance + i : NULL, n - i));
  }
  return V(sum_double)(sum);
}

static double V(grid_error)(const float *x, int64_t n, const float *importance,
                            const float *levels, int64_t count) {
  float between[VISE_MOST_LEVELS];
  V(thresholds)(levels, count, between);
  return V(level_error)(x, n, importance, levels, between, count);
}

static void V(grid_codes)(const float *x, int64_t n, const float *levels, int64_t count,
                          uint8_t *codes) {
  float between[VISE_MOST_LEVELS];
  V(thresholds)(levels, count, between);
  int size = V(padded)(count);
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t lanes = n - i < LANES ? n - i : LANES;
    vf v = lanes == LANES ? V(load)(x + i) : V(load_part)(x + i, lanes, 0);
    vi code = (vi)0;
    if (count <= VISE_COMPARED_LEVELS) {
      for (int64_t level = 0; level + 1 < count; level++) code -= v > (vf)between[level];
    } else {
      code = V(search)(v, between, size);
    }
    vb bytes = __builtin_convertvector(code, vb);
    memcpy(codes + i, &bytes, (size_t)lanes);
  }
}

VISE_INLINE vf V(affine_code)(vf x, float inverse, float zero, float low, float high) {
  vf q = V(nearest)(x * inverse + zero);
  return V(smaller)(V(larger)(q, (vf)low), (vf)high);
}

static double V(affine_error)(const float *x, int64_t n, const float *importance, float scale,
                              float zero, float low, float high) {
  float inverse = scale > 0 ? 1 / scale : 0;
  vd sum = (vd)0.0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    vf v = V(load)(x + i);
    vf off = v - (V(affine_code)(v, inverse, zero, low, high) - zero) * scale;
    sum += V(widen)(V(weighed)(off, importance ? importance + i : NULL, LANES));
  }
  if (i < n) {
    vf v = V(load_part)(x + i, n - i, 0);
    vf off = v - (V(affine_code)(v, inverse, zero, low, high) - zero) * scale;
    sum += V(widen)(V(weighed)(off, importance ? importance + i : NULL, n - i));
  }
  return V(sum_double)(sum);
}

static void V(affine_codes)(const float *x, int64_t n, float scale, float zero, float low,
                            float high, float *codes) {
  float inverse = scale > 0 ? 1 / scale : 0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    V(store)(codes + i, V(affine_code)(V(load)(x + i), inverse, zero, low, high));
  }
  if (i < n) {
    vf q = V(affine_code)(V(load_part)(x + i, n - i, 0), inverse, zero, low, high);
    V(store_part)(codes + i, q, n - i);
  }
}

static void V(affine_levels)(float scale, float zero, float low, int64_t count, float *levels) {
  for (int64_t i = 0; i < count; i++) {
    levels[i] = vise_half_value(vise_half_bits(((float)i + low - zero) * scale));
  }
}

static int64_t V(table_scale)(const float *x, int64_t n, const float *importance,
                              const float *table, int64_t count, float centre,
                              const float *scales, int64_t scale_count, double *best_error) {
  float levels[VISE_MOST_LEVELS], between[VISE_MOST_LEVELS];
  int64_t best = 0;
  *best_error = INFINITY;
  for (int64_t candidate = 0; candidate < scale_count; candidate++) {
    for (int64_t i = 0; i < count; i++) levels[i] = table[i] * scales[candidate] + centre;
    V(thresholds)(levels, count, between);
    double error = V(level_error)(x, n, importance, levels, between, count);
    if (error < *best_error) {
      *best_error = error;
      best = candidate;
    }
  }
  return best;
}

static void V(largest_columns)(const float *scores, int64_t rows, int64_t columns,
                               int32_t *indices) {
  for (int64_t row = 0; row < rows; row++) {
    const float *x = scores + row * columns;
    vf best = (vf)-INFINITY;
    int64_t i = 0;
    for (; i + LANES <= columns; i += LANES) best = V(larger)(V(load)(x + i), best);
    if (i < columns) best = V(larger)(V(load_part)(x + i, columns - i, -INFINITY), best);
    float largest = V(largest)(best);
    int64_t found = 0;
    while (found < columns && x[found] != largest) found++;
    indices[row] = found < columns ? (int32_t)found : 0;
  }
}
