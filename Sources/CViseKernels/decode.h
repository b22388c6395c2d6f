#ifndef VISE_DECODE_H
#define VISE_DECODE_H

#include <stdint.h>

#include "bits.h"

/// Reads `count` blocks (or elements) at `p` and writes their values to `y`.
typedef void vise_decoder(const uint8_t *restrict p, float *restrict y, int64_t count);

/// What `vise_ggml_decode` needs to know of a type.
typedef struct {
  vise_decoder *decode;
  int block_bytes, block_length;
} vise_type_decoder;

/// The decoder of `type` in `variant`; its `decode` is NULL where the family does not have it.
vise_type_decoder vise_float_decoder(int variant, uint32_t type);
vise_type_decoder vise_legacy_decoder(int variant, uint32_t type);
vise_type_decoder vise_k_decoder(int variant, uint32_t type);
vise_type_decoder vise_iq_decoder(int variant, uint32_t type);

/// The same of all families.
vise_type_decoder vise_decoder_of(int variant, uint32_t type);

/// Type ids of the GGUF format.
enum {
  VISE_F32 = 0,
  VISE_F16 = 1,
  VISE_Q4_0 = 2,
  VISE_Q4_1 = 3,
  VISE_Q5_0 = 6,
  VISE_Q5_1 = 7,
  VISE_Q8_0 = 8,
  VISE_Q2_K = 10,
  VISE_Q3_K = 11,
  VISE_Q4_K = 12,
  VISE_Q5_K = 13,
  VISE_Q6_K = 14,
  VISE_Q8_K = 15,
  VISE_IQ2_XXS = 16,
  VISE_IQ2_XS = 17,
  VISE_IQ3_XXS = 18,
  VISE_IQ1_S = 19,
  VISE_IQ4_NL = 20,
  VISE_IQ3_S = 21,
  VISE_IQ2_S = 22,
  VISE_IQ4_XS = 23,
  VISE_I8 = 24,
  VISE_I16 = 25,
  VISE_I32 = 26,
  VISE_I64 = 27,
  VISE_F64 = 28,
  VISE_IQ1_M = 29,
  VISE_BF16 = 30,
  VISE_TQ1_0 = 34,
  VISE_TQ2_0 = 35,
  VISE_MXFP4 = 39,
};

/// The functions `decode_<name>` of each variant, by variant.
#if defined(__x86_64__)
#define VISE_DECODER(variant, name, bytes, length)                              \
  ((vise_type_decoder){(variant) == VISE_VARIANT_AVX512 ? decode_##name##_avx512 \
                       : (variant) == VISE_VARIANT_AVX2 ? decode_##name##_avx2   \
                                                        : decode_##name##_portable, \
                       bytes, length})
#else
#define VISE_DECODER(variant, name, bytes, length) \
  ((void)(variant), (vise_type_decoder){decode_##name##_portable, bytes, length})
#endif

/// Defines V(decode_<name>), which decodes blocks of `bytes` bytes with V(name##_block).
#define VISE_DECODE_BLOCKS(name, bytes, length)                                               \
  static void V(decode_##name)(const uint8_t *restrict p, float *restrict y, int64_t blocks) { \
    for (int64_t i = 0; i < blocks; i++) V(name##_block)(p + i * (bytes), y + i * (length));   \
  }

#endif
