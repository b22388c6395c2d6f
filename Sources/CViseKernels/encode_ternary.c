#include <math.h>
#include <stddef.h>

#include "encode.h"

#define VISE_BODY "encode_ternary_body.h"
#include "each_variant.h"

vise_type_encoder vise_ternary_encoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_TQ1_0: return VISE_ENCODER(variant, tq1_0, 256);
    case VISE_TQ2_0: return VISE_ENCODER(variant, tq2_0, 256);
    default: return (vise_type_encoder){NULL, 1};
  }
}
