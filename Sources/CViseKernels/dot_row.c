#include <math.h>
#include <stddef.h>

#include "decode.h"
#include "vise_kernels.h"

/// Weights decoded at a time: a multiple of every block length, 4 kB of floats.
#define VISE_CHUNK 1024

#define VISE_BODY "dot_row_body.h"
#include "each_variant.h"

double vise_ggml_dot_row(uint32_t type, const void *row, const float *x, int64_t count) {
  int variant = vise_variant();
  vise_type_decoder found = vise_decoder_of(variant, type);
  if (found.decode == NULL || count % found.block_length != 0) return NAN;
  return VISE_CALL(variant, dot_row, &found, row, x, count);
}
