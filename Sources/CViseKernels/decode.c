#include "decode.h"

#include <stddef.h>

#include "variants.h"
#include "vise_kernels.h"

vise_type_decoder vise_decoder_of(int variant, uint32_t type) {
  vise_type_decoder found = vise_float_decoder(variant, type);
  if (found.decode == NULL) found = vise_legacy_decoder(variant, type);
  if (found.decode == NULL) found = vise_k_decoder(variant, type);
  if (found.decode == NULL) found = vise_iq_decoder(variant, type);
  return found;
}

int vise_ggml_decode_variant(int variant, uint32_t type, const void *restrict source,
                             float *restrict destination, int64_t count) {
  vise_type_decoder found = vise_decoder_of(variant, type);
  if (found.decode == NULL) return -1;
  found.decode(source, destination, count / found.block_length);
  return 0;
}

int vise_ggml_decode(uint32_t type, const void *restrict source, float *restrict destination,
                     int64_t count) {
  return vise_ggml_decode_variant(vise_variant(), type, source, destination, count);
}
