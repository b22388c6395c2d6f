#include <math.h>
#include <stddef.h>

#include "encode.h"
#include "iq_grids.h"
#include "iq_ranges.h"

#define VISE_BODY "encode_iq_body.h"
#include "each_variant.h"

vise_type_encoder vise_iq_encoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_IQ2_XXS: return VISE_ENCODER(variant, iq2_xxs, 256);
    case VISE_IQ2_XS: return VISE_ENCODER(variant, iq2_xs, 256);
    case VISE_IQ2_S: return VISE_ENCODER(variant, iq2_s, 256);
    case VISE_IQ3_XXS: return VISE_ENCODER(variant, iq3_xxs, 256);
    case VISE_IQ3_S: return VISE_ENCODER(variant, iq3_s, 256);
    case VISE_IQ1_S: return VISE_ENCODER(variant, iq1_s, 256);
    case VISE_IQ1_M: return VISE_ENCODER(variant, iq1_m, 256);
    default: return (vise_type_encoder){NULL, 1};
  }
}
