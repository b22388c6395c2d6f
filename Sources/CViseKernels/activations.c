#include "encode.h"
#include "vise_kernels.h"

#define VISE_BODY "activations_body.h"
#include "each_variant.h"

int64_t vise_round_activations(uint32_t type, float *x, int64_t count) {
  int variant = vise_variant();
  switch (type) {
    case VISE_F16:
      if (count % 16 != 0) return -1;
      VISE_CALL(variant, round_half, x, count / 16);
      return 0;
    case VISE_Q8_0:
      if (count % 32 != 0) return -1;
      VISE_CALL(variant, round_q8_0, x, count / 32);
      return 0;
    case VISE_Q8_K:
      if (count % 256 != 0) return -1;
      VISE_CALL(variant, round_q8_k, x, count / 256);
      return 0;
    default: return -1;
  }
}
