#include "encode.h"

#include <stddef.h>

#include "variants.h"
#include "vise_kernels.h"

vise_type_encoder vise_encoder_of(int variant, uint32_t type) {
  vise_type_encoder found = vise_float_encoder(variant, type);
  if (found.encode == NULL) found = vise_legacy_encoder(variant, type);
  if (found.encode == NULL) found = vise_k_pair_encoder(variant, type);
  if (found.encode == NULL) found = vise_k_single_encoder(variant, type);
  if (found.encode == NULL) found = vise_iq_encoder(variant, type);
  if (found.encode == NULL) found = vise_ternary_encoder(variant, type);
  return found;
}

int vise_ggml_encode_variant(int variant, uint32_t type, const float *restrict source,
                             void *restrict destination, int64_t rows, int64_t columns,
                             const float *restrict importance) {
  vise_type_encoder found = vise_encoder_of(variant, type);
  if (found.encode == NULL || columns % found.block_length != 0) return -1;
  int64_t period = columns / found.block_length;
  found.encode(source, destination, rows * period, importance, period);
  return 0;
}

int vise_ggml_encode_rows(uint32_t type, const float *restrict source, void *restrict destination,
                          int64_t rows, int64_t columns, const float *restrict importance) {
  return vise_ggml_encode_variant(vise_variant(), type, source, destination, rows, columns,
                                  importance);
}

int vise_ggml_encode(uint32_t type, const float *restrict source, void *restrict destination,
                     int64_t count, const float *restrict importance) {
  return vise_ggml_encode_rows(type, source, destination, 1, count, importance);
}
