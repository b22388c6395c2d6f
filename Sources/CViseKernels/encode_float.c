#include <stddef.h>

#include "encode.h"

#define VISE_BODY "encode_float_body.h"
#include "each_variant.h"

vise_type_encoder vise_float_encoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_F16: return VISE_ENCODER(variant, f16, 1);
    case VISE_BF16: return VISE_ENCODER(variant, bf16, 1);
    default: return (vise_type_encoder){NULL, 1};
  }
}
