#include <string.h>

#include "codebooks.h"
#include "encode.h"
#include "packed.h"
#include "variants.h"
#include "vise_packed.h"
#include "vise_sparse.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"
#define VISE_PANELS_ONLY

#define VISE_VARIANT portable
#include "packed_body.h"
#undef VISE_VARIANT

#if defined(__x86_64__)
#define VISE_AVX
#define VISE_VNNI
#define VISE_VBMI2
#define VISE_VARIANT vbmi2
#pragma clang attribute push(                                                                  \
    __attribute__((target(                                                                     \
        "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi2,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#include "packed_body.h"
#endif

/// One function for each type and variant, so that its layout is constant in the loops.
#define VISE_SPARSE_TYPE(name, variant, ...)                                              \
  static __attribute__((noinline)) void multiply_##name##_##variant(                      \
      const uint8_t *p, int64_t rows, int64_t columns, int64_t bytes, inputs_##variant in, \
      int64_t tokens, float *y, int64_t stride) {                                         \
    panels_##variant((vise_packed_layout){__VA_ARGS__}, p, rows, columns, bytes, in,      \
                     tokens, y, stride);                                                  \
  }
#define VISE_SPARSE_TYPES(variant)                              \
  VISE_SPARSE_TYPE(q4_0, variant, 4, 0, 8, 0, 32, 18, 32, 1)    \
  VISE_SPARSE_TYPE(q8_0, variant, 8, 0, 128, 0, 32, 34, 32, 1)
#if defined(__x86_64__)
VISE_SPARSE_TYPES(vbmi2)
#pragma clang attribute pop
#endif
VISE_SPARSE_TYPES(portable)
#pragma clang diagnostic pop

/// Without bits where the type has no such form.
static vise_packed_layout sparse_layout(uint32_t type) {
  vise_packed_layout layout = vise_packed_layout_of(type);
  layout.is_sparse = 1;
  if (type != VISE_Q4_0 && type != VISE_Q8_0) layout.bits = 0;
  return layout;
}

int64_t vise_sparse_panel_bytes(uint32_t type, int64_t columns) {
  vise_packed_layout layout = sparse_layout(type);
  if (layout.bits == 0 || columns % layout.block_length != 0) return 0;
  int64_t block = vise_panel_code_bytes(&layout) + vise_panel_scale_bytes(&layout);
  return (columns / layout.block_length * block + 63) / 64 * 64;
}

int vise_sparse_fits(uint32_t type, const void *restrict source, int64_t row_bytes, int64_t rows,
                     int64_t columns) {
  vise_packed_layout layout = sparse_layout(type);
  if (layout.bits == 0) return 0;
  for (int64_t row = 0; row < rows; row++) {
    const uint8_t *p = (const uint8_t *)source + row * row_bytes;
    for (int64_t i = 0; i < columns / 32; i++, p += layout.block_bytes) {
      vise_packed_block block;
      vise_packed_read(type, p, &block);
      for (int k = 0; k < 32; k += 4) {
        int kept = 0;
        for (int j = 0; j < 4; j++) kept += block.codes[k + j] != layout.offset;
        if (kept > 2) return 0;
      }
    }
  }
  return 1;
}

/// Adds four columns of one row; two are kept, whatever they hold.
static void add_four(int bits, int offset, const uint8_t *codes, int row, int k, uint8_t *block) {
  int left = 2, zeros = 2;
  uint8_t *kept = block + 64 + 32 * (bits == 8 ? k : k / 2) + 2 * row;
  for (int i = 0; i < 4; i++) {
    if (codes[i] == offset && zeros > 0) {
      zeros--;
      continue;
    }
    int place = 4 * row + i;
    block[8 * k + place / 8] |= (uint8_t)(1 << place % 8);
    kept[2 - left] |= (uint8_t)(bits == 8 ? codes[i] : codes[i] << k % 2 * 4);
    left--;
  }
}

void vise_sparse_fill(uint32_t type, const void *restrict source, int64_t row_bytes, int64_t rows,
                      int64_t columns, void *restrict panel) {
  vise_packed_layout layout = sparse_layout(type);
  int64_t code_bytes = vise_panel_code_bytes(&layout);
  int64_t block_bytes = code_bytes + vise_panel_scale_bytes(&layout);
  memset(panel, 0, (size_t)vise_sparse_panel_bytes(type, columns));
  for (int64_t row = 0; row < rows; row++) {
    const uint8_t *p = (const uint8_t *)source + row * row_bytes;
    for (int64_t i = 0; i < columns / 32; i++) {
      vise_packed_block block;
      vise_packed_read(type, p + i * layout.block_bytes, &block);
      uint8_t *target = (uint8_t *)panel + i * block_bytes;
      for (int k = 0; k < 8; k++) {
        add_four(layout.bits, layout.offset, block.codes + 4 * k, (int)row, k, target);
      }
      memcpy(target + code_bytes + row * 2, &block.d, 2);
    }
  }
}

int vise_sparse_best_variant(void) {
#if defined(__x86_64__)
  if (vise_packed_best_variant() == VISE_PACKED_VNNI && __builtin_cpu_supports("avx512vbmi2")) {
    return VISE_SPARSE_VBMI2;
  }
#endif
  return VISE_SPARSE_PORTABLE;
}

#define VISE_SPARSE_CALL(variant)                                                          \
  inputs_##variant in = {activations, places.scales, places.sums, places.bytes};           \
  if (type == VISE_Q4_0) {                                                                 \
    multiply_q4_0_##variant(panels, rows, columns, bytes, in, tokens, y, stride);          \
  } else if (type == VISE_Q8_0) {                                                          \
    multiply_q8_0_##variant(panels, rows, columns, bytes, in, tokens, y, stride);          \
  }

void vise_sparse_multiply_variant(int variant, uint32_t type, const void *restrict panels,
                                  int64_t rows, int64_t columns,
                                  const void *restrict activations, int64_t tokens,
                                  float *restrict y, int64_t stride) {
  vise_activation_layout places = vise_activation_layout_of(32, columns);
  int64_t bytes = vise_sparse_panel_bytes(type, columns);
#if defined(__x86_64__)
  if (variant == VISE_SPARSE_VBMI2) {
    VISE_SPARSE_CALL(vbmi2)
    return;
  }
#endif
  (void)variant;
  VISE_SPARSE_CALL(portable)
}

void vise_sparse_multiply(uint32_t type, const void *restrict panels, int64_t rows,
                          int64_t columns, const void *restrict activations, int64_t tokens,
                          float *restrict y, int64_t stride) {
  vise_sparse_multiply_variant(vise_sparse_best_variant(), type, panels, rows, columns,
                               activations, tokens, y, stride);
}
