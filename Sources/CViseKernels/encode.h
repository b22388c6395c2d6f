#ifndef VISE_ENCODE_H
#define VISE_ENCODE_H

#include <stdint.h>

#include "bits.h"
#include "decode.h"

/// Encodes `blocks` blocks at `x` to `out`.
///
/// `importance` is NULL or weighs the errors of `period` blocks, repeated over the data.
typedef void vise_encoder(const float *x, uint8_t *out, int64_t blocks, const float *importance,
                          int64_t period);

/// What `vise_ggml_encode` needs to know of a type.
typedef struct {
  vise_encoder *encode;
  int block_length;
} vise_type_encoder;

vise_type_encoder vise_float_encoder(int variant, uint32_t type);
vise_type_encoder vise_legacy_encoder(int variant, uint32_t type);
vise_type_encoder vise_k_pair_encoder(int variant, uint32_t type);
vise_type_encoder vise_k_single_encoder(int variant, uint32_t type);
vise_type_encoder vise_iq_encoder(int variant, uint32_t type);
vise_type_encoder vise_ternary_encoder(int variant, uint32_t type);

/// The encoder of `type` in `variant`, whatever its family; its `encode` is NULL where there is none.
vise_type_encoder vise_encoder_of(int variant, uint32_t type);

/// The functions `encode_<name>` of each variant, by variant.
#if defined(__x86_64__)
#define VISE_ENCODER(variant, name, length)                                          \
  ((vise_type_encoder){(variant) == VISE_VARIANT_AVX512 ? encode_##name##_avx512     \
                       : (variant) == VISE_VARIANT_AVX2 ? encode_##name##_avx2       \
                                                        : encode_##name##_portable, \
                       length})
#else
#define VISE_ENCODER(variant, name, length) \
  ((void)(variant), (vise_type_encoder){encode_##name##_portable, length})
#endif

/// The bits of `value` rounded to half, ties to even; NaN gives 0 and overflow ±65504.
VISE_BITS uint16_t vise_half_bits(float value) {
  uint32_t bits = vise_bits_of_float(value), magnitude = bits & 0x7FFFFFFF;
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t normal = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
  // Adding 0.5 puts the unit of subnormal halves, 2⁻²⁴, at the last bit.
  uint32_t small = vise_bits_of_float(vise_float_from_bits(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t half = magnitude < (113u << 23) ? small : normal;
  half = magnitude > 0x477FE000u ? 0x7BFF : half;
  return (uint16_t)(magnitude > 0x7F800000u ? 0 : half | sign);
}

VISE_BITS void vise_put_u16(uint8_t *p, uint16_t value) { memcpy(p, &value, sizeof value); }

VISE_BITS void vise_put_half(uint8_t *p, float value) { vise_put_u16(p, vise_half_bits(value)); }

#endif
