#ifndef VISE_GRIDS_H
#define VISE_GRIDS_H

#include <stdint.h>

// Rounding to grids of levels. `levels` and `table` ascend and hold 1 to 256 numbers; `importance`
// is NULL or weighs the squares of `n` errors. Variants agree bit for bit.

/// Σ importance · (x − the nearest level)².
double vise_grid_error(const float *x, int64_t n, const float *importance, const float *levels,
                       int64_t count);

/// The index of the level nearest to each x: the lower of two equally near, 0 for NaN.
///
/// Two levels part at half of their float sum.
void vise_grid_codes(const float *x, int64_t n, const float *levels, int64_t count,
                     uint8_t *codes);

/// Σ importance · (x − scale · (q − zero))² with q = clamp(round(x / scale + zero), low, high).
double vise_affine_error(const float *x, int64_t n, const float *importance, float scale,
                         float zero, float low, float high);

/// The q of `vise_affine_error`, as floats.
void vise_affine_codes(const float *x, int64_t n, float scale, float zero, float low, float high,
                       float *codes);

/// levels[i] = half((i + low − zero) · scale) for i below `count`, within the range of half floats.
void vise_affine_levels(float scale, float zero, float low, int64_t count, float *levels);

/// The index of the scale with which centre + scale · table rounds `x` best, the first of equals.
///
/// Writes its error to `best_error`.
int64_t vise_table_scale(const float *x, int64_t n, const float *importance, const float *table,
                         int64_t count, float centre, const float *scales, int64_t scale_count,
                         double *best_error);

/// The index of the first largest score of each row of `columns`; 0 where all are NaN.
void vise_largest_columns(const float *scores, int64_t rows, int64_t columns, int32_t *indices);

/// Packs `n` codes of 1 to 8 bits, low bits first, into (n · bits + 7) / 8 bytes.
void vise_pack_codes(const uint8_t *codes, int64_t n, int bits, uint8_t *packed);

/// Reads back what `vise_pack_codes` wrote.
void vise_unpack_codes(const uint8_t *packed, int64_t n, int bits, uint8_t *codes);

#endif
