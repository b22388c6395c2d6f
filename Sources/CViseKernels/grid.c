#include <math.h>
#include <stddef.h>

#include "encode.h"
#include "vise_grids.h"

#define VISE_BODY "grid_body.h"
#include "each_variant.h"

double vise_grid_error(const float *x, int64_t n, const float *importance, const float *levels,
                       int64_t count) {
  return VISE_CALL(vise_variant(), grid_error, x, n, importance, levels, count);
}

void vise_grid_codes(const float *x, int64_t n, const float *levels, int64_t count,
                     uint8_t *codes) {
  VISE_CALL(vise_variant(), grid_codes, x, n, levels, count, codes);
}

double vise_affine_error(const float *x, int64_t n, const float *importance, float scale,
                         float zero, float low, float high) {
  return VISE_CALL(vise_variant(), affine_error, x, n, importance, scale, zero, low, high);
}

void vise_affine_codes(const float *x, int64_t n, float scale, float zero, float low, float high,
                       float *codes) {
  VISE_CALL(vise_variant(), affine_codes, x, n, scale, zero, low, high, codes);
}

void vise_affine_levels(float scale, float zero, float low, int64_t count, float *levels) {
  VISE_CALL(vise_variant(), affine_levels, scale, zero, low, count, levels);
}

int64_t vise_table_scale(const float *x, int64_t n, const float *importance, const float *table,
                         int64_t count, float centre, const float *scales, int64_t scale_count,
                         double *best_error) {
  return VISE_CALL(vise_variant(), table_scale, x, n, importance, table, count, centre, scales,
                   scale_count, best_error);
}

void vise_largest_columns(const float *scores, int64_t rows, int64_t columns, int32_t *indices) {
  VISE_CALL(vise_variant(), largest_columns, scores, rows, columns, indices);
}

void vise_pack_codes(const uint8_t *codes, int64_t n, int bits, uint8_t *packed) {
  uint64_t buffer = 0;
  int filled = 0;
  for (int64_t i = 0; i < n; i++) {
    buffer |= (uint64_t)codes[i] << filled;
    filled += bits;
    if (filled >= 32) {
      uint32_t word = (uint32_t)buffer;
      memcpy(packed, &word, sizeof word);
      packed += sizeof word;
      buffer >>= 32;
      filled -= 32;
    }
  }
  for (; filled > 0; filled -= 8, buffer >>= 8) *packed++ = (uint8_t)buffer;
}

void vise_unpack_codes(const uint8_t *packed, int64_t n, int bits, uint8_t *codes) {
  uint64_t buffer = 0;
  int filled = 0;
  uint8_t mask = (uint8_t)((1 << bits) - 1);
  for (int64_t i = 0; i < n; i++) {
    if (filled < bits) {
      buffer |= (uint64_t)*packed++ << filled;
      filled += 8;
    }
    codes[i] = (uint8_t)buffer & mask;
    buffer >>= bits;
    filled -= bits;
  }
}
