#include <stddef.h>

#include "decode.h"

#define VISE_BODY "decode_k_body.h"
#include "each_variant.h"

vise_type_decoder vise_k_decoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_Q2_K: return VISE_DECODER(variant, q2_k, 84, 256);
    case VISE_Q3_K: return VISE_DECODER(variant, q3_k, 110, 256);
    case VISE_Q4_K: return VISE_DECODER(variant, q4_k, 144, 256);
    case VISE_Q5_K: return VISE_DECODER(variant, q5_k, 176, 256);
    case VISE_Q6_K: return VISE_DECODER(variant, q6_k, 210, 256);
    default: return (vise_type_decoder){NULL, 1, 1};
  }
}
