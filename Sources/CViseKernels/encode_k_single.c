#include <math.h>
#include <stddef.h>

#include "codebooks.h"
#include "encode.h"
#include "encode_super.h"
#include "k_ranges.h"

#define VISE_BODY "encode_k_single_body.h"
#include "each_variant.h"

vise_type_encoder vise_k_single_encoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_Q3_K: return VISE_ENCODER(variant, q3_k, 256);
    case VISE_Q6_K: return VISE_ENCODER(variant, q6_k, 256);
    case VISE_IQ4_XS: return VISE_ENCODER(variant, iq4_xs, 256);
    default: return (vise_type_encoder){NULL, 1};
  }
}
