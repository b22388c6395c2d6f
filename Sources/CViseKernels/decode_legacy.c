#include <stddef.h>

#include "codebooks.h"
#include "decode.h"

#define VISE_BODY "decode_legacy_body.h"
#include "each_variant.h"

vise_type_decoder vise_legacy_decoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_Q4_0: return VISE_DECODER(variant, q4_0, 18, 32);
    case VISE_Q4_1: return VISE_DECODER(variant, q4_1, 20, 32);
    case VISE_Q5_0: return VISE_DECODER(variant, q5_0, 22, 32);
    case VISE_Q5_1: return VISE_DECODER(variant, q5_1, 24, 32);
    case VISE_Q8_0: return VISE_DECODER(variant, q8_0, 34, 32);
    case VISE_IQ4_NL: return VISE_DECODER(variant, iq4_nl, 18, 32);
    case VISE_MXFP4: return VISE_DECODER(variant, mxfp4, 17, 32);
    default: return (vise_type_decoder){NULL, 1, 1};
  }
}
