#include <stddef.h>

#include "decode.h"

#define VISE_BODY "decode_float_body.h"
#include "each_variant.h"

static void decode_f32(const uint8_t *restrict p, float *restrict y, int64_t count) {
  memcpy(y, p, (size_t)count * sizeof(float));
}

vise_type_decoder vise_float_decoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_F32: return (vise_type_decoder){decode_f32, 4, 1};
    case VISE_F16: return VISE_DECODER(variant, f16, 2, 1);
    case VISE_BF16: return VISE_DECODER(variant, bf16, 2, 1);
    case VISE_I8: return VISE_DECODER(variant, i8, 1, 1);
    case VISE_I16: return VISE_DECODER(variant, i16, 2, 1);
    case VISE_I32: return VISE_DECODER(variant, i32, 4, 1);
    case VISE_I64: return VISE_DECODER(variant, i64, 8, 1);
    case VISE_F64: return VISE_DECODER(variant, f64, 8, 1);
    default: return (vise_type_decoder){NULL, 1, 1};
  }
}
