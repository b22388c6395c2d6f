// What packed runtimes make of activations before they multiply: the body of activations.c.
#include "tile_body.h"

/// Blocks of 32 with a half-float scale, codes to the nearest of −127 … 127.
static void V(round_q8_0)(float *x, int64_t blocks) {
  for (int64_t block = 0; block < blocks; block++, x += 32) {
    vf low = V(load)(x), high = V(load)(x + 16);
    float largest = V(largest)(V(larger)(V(magnitude)(low), V(magnitude)(high)));
    float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    vf scale = V(half_rounded)((vf)(largest / 127.0f));
    V(store)(x, scale * V(nearest)(low * inverse));
    V(store)(x + 16, scale * V(nearest)(high * inverse));
  }
}

/// Blocks of 256 with a float scale that puts the extreme value at −127.
static void V(round_q8_k)(float *x, int64_t blocks) {
  for (int64_t block = 0; block < blocks; block++, x += 256) {
    vf largest = (vf)0.0f, extreme = (vf)0.0f;
    for (int i = 0; i < 256; i += 16) {
      vf v = V(load)(x + i), magnitude = V(magnitude)(v);
      extreme = magnitude > largest ? v : extreme;
      largest = V(larger)(magnitude, largest);
    }
    float top = 0.0f, value = 0.0f;
    for (int lane = 0; lane < 16; lane++) {
      value = largest[lane] > top ? extreme[lane] : value;
      top = largest[lane] > top ? largest[lane] : top;
    }
    float inverse = top > 0.0f ? -127.0f / value : 0.0f;
    float scale = top > 0.0f ? 1.0f / inverse : 0.0f;
    for (int i = 0; i < 256; i += 16) {
      vf code = V(smaller)(V(nearest)(V(load)(x + i) * inverse), (vf)127.0f);
      V(store)(x + i, scale * code);
    }
  }
}

static void V(round_half)(float *x, int64_t blocks) {
  for (int64_t block = 0; block < blocks; block++, x += 16) {
    V(store)(x, V(half_rounded)(V(load)(x)));
  }
}
