// Error feedback and coordinate descent inside ggml blocks: the body of solve.c.
//
// Lane l of every vector belongs to row l of sixteen; a chunk is up to 256 columns of whole blocks.
// The error of a row is measured by eᵀHe with H the second moment of the inputs.
#include "tile_body.h"

#ifndef VISE_SOLVE_TYPES
#define VISE_SOLVE_TYPES

/// One block of sixteen rows, taken apart.
typedef struct {
  vf d, dmin;
  vf sc[16], mn[16];
  vf level[256];
} vise_lane_parts;

/// What fills the blocks of a type; `kind` is NULL where its weights are points of a grid.
typedef struct {
  const vise_block_kind *kind;
  vise_type_encoder encoder;
  vise_type_decoder decoder;
} vise_block_coder;
#endif

VISE_INLINE void V(lanes_from_rows)(vf *lanes, const float *rows, int64_t stride, int64_t columns,
                                    int64_t count) {
  for (int64_t start = 0; start < columns; start += 16) {
    int64_t width = columns - start < 16 ? columns - start : 16;
    vf part[16];
    for (int lane = 0; lane < 16; lane++) {
      const float *row = rows + lane * stride + start;
      part[lane] = lane >= count  ? (vf)0.0f
                   : width == 16 ? V(load)(row)
                                 : V(load_part)(row, width, 0.0f);
    }
    V(transpose)(part);
    memcpy(lanes + start, part, sizeof(vf) * (size_t)width);
  }
}

VISE_INLINE void V(lanes_to_rows)(const vf *lanes, float *rows, int64_t stride, int64_t columns,
                                  int64_t count) {
  for (int64_t start = 0; start < columns; start += 16) {
    vf part[16];
    int64_t width = columns - start < 16 ? columns - start : 16;
    memset(part, 0, sizeof part);
    memcpy(part, lanes + start, sizeof(vf) * (size_t)width);
    V(transpose)(part);
    for (int lane = 0; lane < count; lane++) {
      V(store_part)(rows + lane * stride + start, part[lane], width);
    }
  }
}

/// The mask of sixteen rows, 1 where a weight is kept; all of them where there is none.
VISE_INLINE void V(lanes_from_mask)(vf *m, const float *kept, int64_t stride, int64_t columns,
                                    int64_t count) {
  if (kept) {
    V(lanes_from_rows)(m, kept, stride, columns, count);
  } else {
    for (int64_t j = 0; j < columns; j++) m[j] = (vf)1.0f;
  }
}

static void V(unpack_lanes)(const vise_block_kind *kind, const uint8_t *bytes, int64_t stride,
                            int64_t count, vise_lane_parts *lanes) {
  memset(lanes, 0, sizeof *lanes);
  for (int lane = 0; lane < count; lane++) {
    vise_block_parts parts;
    vise_block_unpack(kind, bytes + lane * stride, &parts);
    lanes->d[lane] = parts.d;
    lanes->dmin[lane] = parts.dmin;
    for (int sub = 0; sub < 16; sub++) {
      lanes->sc[sub][lane] = parts.sc[sub];
      lanes->mn[sub][lane] = parts.mn[sub];
    }
    for (int i = 0; i < kind->length; i++) lanes->level[i][lane] = parts.level[i];
  }
}

static void V(pack_lanes)(const vise_block_kind *kind, const vise_lane_parts *lanes,
                          uint8_t *bytes, int64_t stride, int64_t count) {
  for (int lane = 0; lane < count; lane++) {
    vise_block_parts parts;
    parts.d = lanes->d[lane];
    parts.dmin = lanes->dmin[lane];
    for (int sub = 0; sub < 16; sub++) {
      parts.sc[sub] = lanes->sc[sub][lane];
      parts.mn[sub] = lanes->mn[sub][lane];
    }
    for (int i = 0; i < kind->length; i++) parts.level[i] = lanes->level[i][lane];
    vise_block_pack(kind, &parts, bytes + lane * stride);
  }
}

/// The table level nearest to `v`: a step up at each midpoint.
VISE_INLINE vf V(nearest_of)(vf v, const float *table, int count) {
  vf value = (vf)table[0];
  for (int k = 0; k + 1 < count; k++) {
    value += v > (table[k] + table[k + 1]) * 0.5f ? (vf)(table[k + 1] - table[k]) : (vf)0.0f;
  }
  return value;
}

VISE_INLINE vf V(nearest_level)(vf v, const vise_block_kind *kind) {
  static const float iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                1,    13,   25,  38,  53,  69,  89,  113};
  static const float e2m1[15] = {-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};
  switch (kind->levels) {
    case VISE_LEVELS_IQ4: return V(nearest_of)(v, iq4, 16);
    case VISE_LEVELS_E2M1: return V(nearest_of)(v, e2m1, 15);
    default: return V(clamped)(V(nearest)(v), kind->low, kind->high);
  }
}

/// Fits a block of sixteen rows to `values` with the type's own encoder.
static void V(fit_block)(const vise_block_coder *coder, const vf *values, const float *importance,
                         uint8_t *bytes, int64_t stride, int64_t count) {
  float rows[16 * 256];
  uint8_t encoded[16 * 256];
  int length = coder->encoder.block_length, size = coder->decoder.block_bytes;
  V(lanes_to_rows)(values, rows, length, length, count);
  coder->encoder.encode(rows, encoded, count, importance, 1);
  for (int lane = 0; lane < count; lane++) {
    memcpy(bytes + lane * stride, encoded + lane * size, (size_t)size);
  }
}

/// e = (x − value) / u[j, j], taken off the later columns; leaves the value in x.
VISE_INLINE void V(spread)(vf *x, vf *e, vf value, const float *u, int64_t u_stride, int64_t j,
                           int64_t columns) {
  const float *row = u + j * u_stride;
  vf error = (x[j] - value) * (1.0f / row[j]);
  x[j] = value;
  e[j] = error;
  for (int64_t k = j + 1; k < columns; k++) x[k] -= error * row[k];
}

/// Rounds a fitted block weight by weight, each corrected for those before it.
static void V(feedback_levels)(const vise_block_kind *kind, vf *x, vf *e, const vf *m,
                               int64_t first, int64_t columns, const float *u, int64_t u_stride,
                               uint8_t *bytes, int64_t stride, int64_t count) {
  vise_lane_parts lanes;
  V(unpack_lanes)(kind, bytes, stride, count, &lanes);
  for (int i = 0; i < kind->length; i++) {
    int sub = i / kind->sub_length;
    vf scale = lanes.d * lanes.sc[sub];
    vf minimum = kind->has_minimum ? lanes.dmin * lanes.mn[sub] : (vf)0.0f;
    vf level = V(nearest_level)((x[first + i] * m[first + i] + minimum) * V(inverse)(scale), kind);
    lanes.level[i] = level;
    V(spread)(x, e, scale * level - minimum, u, u_stride, first + i, columns);
  }
  V(pack_lanes)(kind, &lanes, bytes, stride, count);
}

/// Keeps a fitted block as it is and spreads its errors over the columns behind it.
static void V(feedback_block)(const vise_block_coder *coder, vf *x, vf *e, int64_t first,
                              int64_t columns, const float *u, int64_t u_stride,
                              const uint8_t *bytes, int64_t stride, int64_t count) {
  int length = coder->encoder.block_length;
  float rows[16 * 256];
  vf values[256];
  for (int lane = 0; lane < count; lane++) {
    coder->decoder.decode(bytes + lane * stride, rows + lane * length, 1);
  }
  V(lanes_from_rows)(values, rows, length, length, count);
  for (int i = 0; i < length; i++) V(spread)(x, e, values[i], u, u_stride, first + i, columns);
}

static void V(feedback_chunk)(const vise_block_coder *coder, float *w, int64_t stride,
                              int64_t count, int64_t columns, const float *u, int64_t u_stride,
                              const float *importance, const float *kept, int64_t kept_stride,
                              uint8_t *bytes, int64_t bytes_stride, float *errors,
                              int64_t errors_stride) {
  vf x[256], e[256], m[256], fitted[256];
  int length = coder->encoder.block_length;
  V(lanes_from_rows)(x, w, stride, columns, count);
  V(lanes_from_mask)(m, kept, kept_stride, columns, count);
  for (int64_t first = 0; first < columns; first += length) {
    uint8_t *out = bytes + first / length * coder->decoder.block_bytes;
    for (int i = 0; i < length; i++) fitted[i] = x[first + i] * m[first + i];
    V(fit_block)(coder, fitted, importance + first, out, bytes_stride, count);
    if (coder->kind) {
      V(feedback_levels)(coder->kind, x, e, m, first, columns, u, u_stride, out, bytes_stride,
                         count);
    } else {
      V(feedback_block)(coder, x, e, first, columns, u, u_stride, out, bytes_stride, count);
    }
  }
  V(lanes_to_rows)(x, w, stride, columns, count);
  V(lanes_to_rows)(e, errors, errors_stride, columns, count);
}

/// g += H[·, column]·delta over the chunk's columns.
VISE_INLINE void V(follow)(vf *g, const float *h, int64_t h_stride, int64_t columns,
                           int64_t column, vf delta) {
  const float *row = h + column * h_stride;
  for (int64_t k = 0; k < columns; k++) g[k] += delta * row[k];
}

/// Whether any lane is not zero.
VISE_INLINE int V(any)(vf v) {
  return V(largest)(V(magnitude)(v)) > 0.0f;
}

/// gᵀa and aᵀHa of a direction a over `length` columns from `first`.
VISE_INLINE void V(slopes)(const vf *a, const vf *g, const float *h, int64_t h_stride,
                           int64_t first, int length, vf *slope, vf *curvature) {
  *slope = *curvature = (vf)0.0f;
  for (int i = 0; i < length; i++) {
    const float *row = h + (first + i) * h_stride + first;
    vf product = (vf)0.0f;
    for (int k = 0; k < i; k++) product += a[k] * row[k];
    *slope += a[i] * g[first + i];
    *curvature += a[i] * (product + product + a[i] * row[i]);
  }
}

/// Moves the values along `a` by `step` of each lane.
VISE_INLINE void V(move)(const vf *a, vf step, vf *y, vf *g, const float *h, int64_t h_stride,
                         int64_t columns, int64_t first, int length) {
  for (int i = 0; i < length; i++) {
    vf delta = step * a[i];
    y[first + i] += delta;
    V(follow)(g, h, h_stride, columns, first + i, delta);
  }
}

/// The step to `wanted`, or 0 in lanes where it does not lessen the error.
VISE_INLINE vf V(accepted)(vf step, vf slope, vf curvature) {
  vi better = step * (2.0f * slope + step * curvature) < 0.0f;
  return better ? step : (vf)0.0f;
}

/// Refits the half-float units of a block along their directions.
static void V(descend_units)(const vise_block_kind *kind, vise_lane_parts *lanes, vf *y, vf *g,
                             const float *h, int64_t h_stride, int64_t columns, int64_t first) {
  vf a[256], slope, curvature;
  for (int which = 0; which < (kind->has_minimum ? 2 : 1); which++) {
    vf unit = which == 0 ? lanes->d : lanes->dmin;
    for (int i = 0; i < kind->length; i++) {
      int sub = i / kind->sub_length;
      a[i] = which == 0 ? lanes->sc[sub] * lanes->level[i] : -lanes->mn[sub];
    }
    V(slopes)(a, g, h, h_stride, first, kind->length, &slope, &curvature);
    vf wanted = V(half_rounded)(unit - slope * V(inverse)(curvature));
    if (kind->scale_high > 0.0f && kind->has_minimum) wanted = V(larger)(wanted, (vf)0.0f);
    vf step = V(accepted)(wanted - unit, slope, curvature);
    if (!V(any)(step)) continue;
    if (which == 0) {
      lanes->d = unit + step;
    } else {
      lanes->dmin = unit + step;
    }
    V(move)(a, step, y, g, h, h_stride, columns, first, kind->length);
  }
}

/// Moves the quantized scales and minima of each sub-block to their best integers.
static void V(descend_scales)(const vise_block_kind *kind, vise_lane_parts *lanes, vf *y, vf *g,
                              const float *h, int64_t h_stride, int64_t columns, int64_t first) {
  vf a[256], slope, curvature;
  for (int sub = 0; sub < kind->length / kind->sub_length; sub++) {
    for (int which = 0; which < (kind->minimum_high > 0.0f ? 2 : 1); which++) {
      vf old = which == 0 ? lanes->sc[sub] : lanes->mn[sub];
      int64_t start = first + sub * kind->sub_length;
      for (int i = 0; i < kind->sub_length; i++) {
        a[i] = which == 0 ? lanes->d * lanes->level[sub * kind->sub_length + i] : -lanes->dmin;
      }
      V(slopes)(a, g, h, h_stride, start, kind->sub_length, &slope, &curvature);
      vf wanted = V(nearest)(old - slope * V(inverse)(curvature));
      wanted = which == 0 ? V(clamped)(wanted, kind->scale_low, kind->scale_high)
                          : V(clamped)(wanted, 0.0f, kind->minimum_high);
      vf step = V(accepted)(wanted - old, slope, curvature);
      if (!V(any)(step)) continue;
      if (which == 0) {
        lanes->sc[sub] = old + step;
      } else {
        lanes->mn[sub] = old + step;
      }
      V(move)(a, step, y, g, h, h_stride, columns, start, kind->sub_length);
    }
  }
}

/// Moves each code to the level nearest to the minimum of the error along its weight.
static void V(descend_levels)(const vise_block_kind *kind, vise_lane_parts *lanes, vf *y, vf *g,
                              const vf *m, const float *h, int64_t h_stride, int64_t columns,
                              int64_t first) {
  for (int i = 0; i < kind->length; i++) {
    int64_t j = first + i;
    int sub = i / kind->sub_length;
    vf scale = lanes->d * lanes->sc[sub];
    vf minimum = kind->has_minimum ? lanes->dmin * lanes->mn[sub] : (vf)0.0f;
    float curvature = h[j * h_stride + j];
    if (!(curvature > 0.0f)) continue;
    vf wanted = (y[j] - g[j] * (1.0f / curvature)) * m[j];
    vf level = V(nearest_level)((wanted + minimum) * V(inverse)(scale), kind);
    vf value = scale * level - minimum;
    vf step = V(accepted)(value - y[j], g[j], (vf)curvature);
    vi moves = step != 0.0f;
    if (!V(any)(step)) continue;
    lanes->level[i] = moves ? level : lanes->level[i];
    y[j] += step;
    V(follow)(g, h, h_stride, columns, j, step);
  }
}

static void V(descent_chunk)(const vise_block_kind *kind, float *values, int64_t stride,
                             int64_t count, int64_t columns, const float *gradient,
                             int64_t gradient_stride, const float *h, int64_t h_stride,
                             const float *kept, int64_t kept_stride, uint8_t *bytes,
                             int64_t bytes_stride, float *changes, int64_t changes_stride) {
  vf y[256], g[256], m[256], old[256];
  vise_lane_parts lanes;
  V(lanes_from_rows)(y, values, stride, columns, count);
  V(lanes_from_rows)(g, gradient, gradient_stride, columns, count);
  V(lanes_from_mask)(m, kept, kept_stride, columns, count);
  memcpy(old, y, sizeof(vf) * (size_t)columns);
  for (int64_t block = 0; block < columns / kind->length; block++) {
    int64_t first = block * kind->length;
    uint8_t *out = bytes + block * kind->bytes;
    V(unpack_lanes)(kind, out, bytes_stride, count, &lanes);
    if (!kind->unit_is_power) {
      V(descend_units)(kind, &lanes, y, g, h, h_stride, columns, first);
    }
    if (kind->scale_high > 0.0f) {
      V(descend_scales)(kind, &lanes, y, g, h, h_stride, columns, first);
    }
    V(descend_levels)(kind, &lanes, y, g, m, h, h_stride, columns, first);
    V(pack_lanes)(kind, &lanes, out, bytes_stride, count);
  }
  V(lanes_to_rows)(y, values, stride, columns, count);
  for (int64_t j = 0; j < columns; j++) y[j] -= old[j];
  V(lanes_to_rows)(y, changes, changes_stride, columns, count);
}

/// The index of the level nearest to `v`; the lower of two equally near.
VISE_INLINE int V(nearest_index)(float v, const float *levels, int count) {
  int low = 0, high = count - 1;
  while (low < high) {
    int middle = (low + high) / 2;
    if (v > (levels[middle] + levels[middle + 1]) * 0.5f) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// The nearest levels of sixteen rows: `levels` has `count` ascending numbers a row.
VISE_INLINE vf V(nearest_in_rows)(vf v, const float *levels, int count, int64_t rows,
                                  uint8_t *codes, int64_t codes_stride) {
  vf value = (vf)0.0f;
  for (int lane = 0; lane < rows; lane++) {
    const float *own = levels + lane * count;
    int index = V(nearest_index)(v[lane], own, count);
    codes[lane * codes_stride] = (uint8_t)index;
    value[lane] = own[index];
  }
  return value;
}

static void V(grid_feedback_chunk)(float *w, int64_t stride, int64_t rows, int64_t columns,
                                   const float *u, int64_t u_stride, const float *levels,
                                   int count, int64_t span_stride, const int32_t *spans,
                                   const float *kept, int64_t kept_stride, uint8_t *codes,
                                   int64_t codes_stride, float *errors, int64_t errors_stride) {
  vf x[256], e[256], m[256];
  V(lanes_from_rows)(x, w, stride, columns, rows);
  V(lanes_from_mask)(m, kept, kept_stride, columns, rows);
  for (int64_t j = 0; j < columns; j++) {
    const float *row = u + j * u_stride;
    vf value = V(nearest_in_rows)(x[j] * m[j], levels + spans[j] * span_stride, count, rows,
                                  codes + j, codes_stride);
    vf error = (x[j] - value) * (1.0f / row[j]);
    x[j] = value;
    e[j] = error;
    for (int64_t k = j + 1; k < columns; k++) x[k] -= error * row[k];
  }
  V(lanes_to_rows)(x, w, stride, columns, rows);
  V(lanes_to_rows)(e, errors, errors_stride, columns, rows);
}

/// Marks the `pruned` weights of each row whose removal from `group` columns costs least.
///
/// The cost of column k is (x[k] / u[k, k])²; of two equal ones the earlier goes first.
VISE_INLINE void V(mask_group)(const vf *x, vf *m, const float *u, int64_t u_stride,
                               int64_t first, int64_t group, vf pruned) {
  vf cost[256];
  for (int64_t k = 0; k < group; k++) {
    vf share = x[first + k] * (1.0f / u[(first + k) * u_stride + first + k]);
    cost[k] = share * share;
  }
  for (int64_t k = 0; k < group; k++) {
    vf cheaper = (vf)0.0f;
    for (int64_t i = 0; i < k; i++) cheaper += cost[i] <= cost[k] ? (vf)1.0f : (vf)0.0f;
    for (int64_t i = k + 1; i < group; i++) cheaper += cost[i] < cost[k] ? (vf)1.0f : (vf)0.0f;
    m[first + k] = cheaper < pruned ? (vf)0.0f : (vf)1.0f;
  }
}

static void V(sparse_chunk)(float *w, int64_t stride, int64_t rows, int64_t columns,
                            const float *u, int64_t u_stride, int64_t group,
                            const int32_t *pruned, int64_t pruned_stride, float *kept,
                            int64_t kept_stride, float *errors, int64_t errors_stride) {
  vf x[256], e[256], m[256];
  V(lanes_from_rows)(x, w, stride, columns, rows);
  for (int64_t first = 0; first < columns; first += group) {
    int64_t length = columns - first < group ? columns - first : group;
    vf wanted = (vf)0.0f;
    for (int lane = 0; lane < rows; lane++) {
      wanted[lane] = (float)pruned[lane * pruned_stride + first / group];
    }
    V(mask_group)(x, m, u, u_stride, first, length, wanted);
    for (int64_t j = first; j < first + length; j++) {
      V(spread)(x, e, x[j] * m[j], u, u_stride, j, columns);
    }
  }
  V(lanes_to_rows)(x, w, stride, columns, rows);
  V(lanes_to_rows)(m, kept, kept_stride, columns, rows);
  V(lanes_to_rows)(e, errors, errors_stride, columns, rows);
}
