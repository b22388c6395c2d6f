#include <math.h>
#include <stddef.h>

#include "codebooks.h"
#include "encode.h"

#define VISE_BODY "encode_legacy_body.h"
#include "each_variant.h"

vise_type_encoder vise_legacy_encoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_Q4_0: return VISE_ENCODER(variant, q4_0, 32);
    case VISE_Q4_1: return VISE_ENCODER(variant, q4_1, 32);
    case VISE_Q5_0: return VISE_ENCODER(variant, q5_0, 32);
    case VISE_Q5_1: return VISE_ENCODER(variant, q5_1, 32);
    case VISE_Q8_0: return VISE_ENCODER(variant, q8_0, 32);
    case VISE_IQ4_NL: return VISE_ENCODER(variant, iq4_nl, 32);
    case VISE_MXFP4: return VISE_ENCODER(variant, mxfp4, 32);
    default: return (vise_type_encoder){NULL, 1};
  }
}
