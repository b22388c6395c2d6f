#include <stddef.h>

#include "codebooks.h"
#include "decode.h"
#include "iq_grids.h"

#define VISE_BODY "decode_iq_body.h"
#include "each_variant.h"

vise_type_decoder vise_iq_decoder(int variant, uint32_t type) {
  switch (type) {
    case VISE_IQ2_XXS: return VISE_DECODER(variant, iq2_xxs, 66, 256);
    case VISE_IQ2_XS: return VISE_DECODER(variant, iq2_xs, 74, 256);
    case VISE_IQ2_S: return VISE_DECODER(variant, iq2_s, 82, 256);
    case VISE_IQ3_XXS: return VISE_DECODER(variant, iq3_xxs, 98, 256);
    case VISE_IQ3_S: return VISE_DECODER(variant, iq3_s, 110, 256);
    case VISE_IQ1_S: return VISE_DECODER(variant, iq1_s, 50, 256);
    case VISE_IQ1_M: return VISE_DECODER(variant, iq1_m, 56, 256);
    case VISE_IQ4_XS: return VISE_DECODER(variant, iq4_xs, 136, 256);
    case VISE_TQ1_0: return VISE_DECODER(variant, tq1_0, 54, 256);
    case VISE_TQ2_0: return VISE_DECODER(variant, tq2_0, 66, 256);
    default: return (vise_type_decoder){NULL, 1, 1};
  }
}
