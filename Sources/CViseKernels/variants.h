#ifndef VISE_VARIANTS_H
#define VISE_VARIANTS_H

#include "vise_kernel_variants.h"

#define VISE_JOIN_(name, variant) name##_##variant
#define VISE_JOIN(name, variant) VISE_JOIN_(name, variant)

/// The name a function of a body has in the variant being compiled.
#define V(name) VISE_JOIN(name, VISE_VARIANT)

#define VISE_INLINE static inline __attribute__((always_inline, unused))

/// The variant functions run for callers that name none: the best this CPU has.
///
/// `__builtin_cpu_supports` reads a word that is filled before `main`; this keeps no state.
static inline int vise_variant(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return VISE_VARIANT_AVX512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c")) {
    return VISE_VARIANT_AVX2;
  }
#endif
  return VISE_VARIANT_PORTABLE;
}

/// Calls `name` of variant `level`, which must be one this CPU can run.
#if defined(__x86_64__)
#define VISE_CALL(level, name, ...)                                \
  ((level) == VISE_VARIANT_AVX512 ? name##_avx512(__VA_ARGS__)     \
   : (level) == VISE_VARIANT_AVX2 ? name##_avx2(__VA_ARGS__)       \
                                  : name##_portable(__VA_ARGS__))
#else
#define VISE_CALL(level, name, ...) name##_portable(__VA_ARGS__)
#endif

#endif
