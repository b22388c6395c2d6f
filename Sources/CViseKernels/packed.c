#include "packed.h"

#include <stddef.h>

#include "codebooks.h"
#include "encode.h"
#include "variants.h"
#include "vise_packed.h"

// The variants are not those of the other kernels: AVX-512 without VNNI would gain little.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

#define VISE_VARIANT portable
#include "packed_body.h"
#undef VISE_VARIANT

#if defined(__x86_64__)
#define VISE_AVX
#define VISE_VARIANT avx2
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#include "packed_body.h"
#pragma clang attribute pop
#undef VISE_VARIANT

#define VISE_VNNI
#define VISE_VARIANT vnni
#pragma clang attribute push(                                                                  \
    __attribute__((target(                                                                     \
        "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#include "packed_body.h"
#pragma clang attribute pop
#undef VISE_VARIANT
#undef VISE_VNNI
#undef VISE_AVX
#endif

#pragma clang diagnostic pop

int vise_packed_best_variant(void) {
#if defined(__x86_64__)
  int variant = vise_variant();
  if (variant == VISE_VARIANT_AVX512 && __builtin_cpu_supports("avx512vnni")) {
    return VISE_PACKED_VNNI;
  }
  if (variant >= VISE_VARIANT_AVX2) return VISE_PACKED_AVX2;
#endif
  return VISE_PACKED_PORTABLE;
}

#if defined(__x86_64__)
#define VISE_PACKED_CALL(variant, name, ...)                      \
  switch (variant) {                                              \
    case VISE_PACKED_VNNI: name##_vnni(__VA_ARGS__); break;       \
    case VISE_PACKED_AVX2: name##_avx2(__VA_ARGS__); break;       \
    default: name##_portable(__VA_ARGS__); break;                 \
  }
#else
#define VISE_PACKED_CALL(variant, name, ...) \
  (void)(variant);                           \
  name##_portable(__VA_ARGS__)
#endif

void vise_packed_activations_variant(int variant, uint32_t type, const float *restrict x,
                                     int64_t rows, int64_t columns, void *restrict activations) {
  int length = vise_packed_layout_of(type).block_length;
  VISE_PACKED_CALL(variant, round_rows, length, x, rows, columns, activations);
}

void vise_packed_activations(uint32_t type, const float *restrict x, int64_t rows, int64_t columns,
                             void *restrict activations) {
  vise_packed_activations_variant(vise_packed_best_variant(), type, x, rows, columns, activations);
}

void vise_packed_multiply_variant(int variant, uint32_t type, const void *restrict panels,
                                  int64_t rows, int64_t columns,
                                  const void *restrict activations, int64_t tokens,
                                  float *restrict y, int64_t stride) {
  VISE_PACKED_CALL(variant, multiply, type, panels, rows, columns, activations, tokens, y, stride);
}

void vise_packed_multiply(uint32_t type, const void *restrict panels, int64_t rows,
                          int64_t columns, const void *restrict activations, int64_t tokens,
                          float *restrict y, int64_t stride) {
  vise_packed_multiply_variant(vise_packed_best_variant(), type, panels, rows, columns,
                               activations, tokens, y, stride);
}
