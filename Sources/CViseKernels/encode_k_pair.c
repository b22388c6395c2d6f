#include <math.h>
#include <stddef.h>

#include "encode.h"
#include "encode_super.h"
#include "k_ranges.h"

#define VISE_BODY "encode_k_pair_body.h"
#include "each_variant.h"

vise_type_encoder vise_k_pair_encoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_Q2_K: return VISE_ENCODER(variant, q2_k, 256);
    case VISE_Q4_K: return VISE_ENCODER(variant, q4_k, 256);
    case VISE_Q5_K: return VISE_ENCODER(variant, q5_k, 256);
    default: return (vise_type_encoder){NULL, 1};
  }
}
