#include "vise_change.h"

#include <math.h>
#include <string.h>

#include "variants.h"

/// A run of a panel: codes four columns at a time, scales by row, and what the changes' codes being
/// unsigned adds to the sums.
#define VISE_CHANGE_SCALES (VISE_CHANGE_RUN * VISE_CHANGE_ROWS)
#define VISE_CHANGE_OFFSETS (VISE_CHANGE_SCALES + 4 * VISE_CHANGE_ROWS)
#define VISE_CHANGE_VECTORS (VISE_CHANGE_RUN / 16)
#define VISE_CHANGE_RUN_BYTES (VISE_CHANGE_OFFSETS + 4 * VISE_CHANGE_ROWS)

static int64_t vise_change_runs(int64_t columns) {
  return (columns + VISE_CHANGE_RUN - 1) / VISE_CHANGE_RUN;
}

int64_t vise_change_panel_bytes(int64_t columns) {
  return vise_change_runs(columns) * VISE_CHANGE_RUN_BYTES;
}

int64_t vise_change_row_bytes(int64_t columns) {
  int64_t runs = vise_change_runs(columns);
  return (runs * (VISE_CHANGE_RUN + 4) + 63) / 64 * 64;
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

#define VISE_VARIANT portable
#include "change_body.h"
#undef VISE_VARIANT

#if defined(__x86_64__)
#define VISE_AVX
#define VISE_VNNI
#define VISE_VARIANT vnni
#pragma clang attribute push(                                                                  \
    __attribute__((target(                                                                     \
        "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#include "change_body.h"
#pragma clang attribute pop
#undef VISE_VARIANT
#undef VISE_VNNI
#undef VISE_AVX
#endif

#pragma clang diagnostic pop

int vise_change_best_variant(void) {
#if defined(__x86_64__)
  if (vise_variant() == VISE_VARIANT_AVX512 && __builtin_cpu_supports("avx512vnni")) {
    return VISE_CHANGE_VNNI;
  }
#endif
  return VISE_CHANGE_PORTABLE;
}

#if defined(__x86_64__)
#define VISE_CHANGE_CALL(variant, name, ...)                  \
  switch (variant) {                                          \
    case VISE_CHANGE_VNNI: name##_vnni(__VA_ARGS__); break;   \
    default: name##_portable(__VA_ARGS__); break;             \
  }
#else
#define VISE_CHANGE_CALL(variant, name, ...) \
  (void)(variant);                           \
  name##_portable(__VA_ARGS__)
#endif

void vise_change_fill_variant(int variant, const float *restrict weight, int64_t stride,
                              int64_t rows, int64_t columns, void *restrict panel) {
  VISE_CHANGE_CALL(variant, change_fill, weight, stride, rows, columns, panel);
}

void vise_change_fill(const float *restrict weight, int64_t stride, int64_t rows, int64_t columns,
                      void *restrict panel) {
  vise_change_fill_variant(vise_change_best_variant(), weight, stride, rows, columns, panel);
}

void vise_change_round_variant(int variant, const float *restrict after,
                               const float *restrict before, int64_t rows, int64_t columns,
                               void *restrict change) {
  VISE_CHANGE_CALL(variant, change_round, after, before, rows, columns, change);
}

void vise_change_round(const float *restrict after, const float *restrict before, int64_t rows,
                       int64_t columns, void *restrict change) {
  vise_change_round_variant(vise_change_best_variant(), after, before, rows, columns, change);
}

void vise_change_multiply_variant(int variant, const void *restrict panels, int64_t rows,
                                  int64_t columns, const void *restrict change, int64_t tokens,
                                  float *restrict y, int64_t stride) {
  VISE_CHANGE_CALL(variant, change_multiply, panels, rows, columns, change, tokens, y, stride);
}

void vise_change_multiply(const void *restrict panels, int64_t rows, int64_t columns,
                          const void *restrict change, int64_t tokens, float *restrict y,
                          int64_t stride) {
  vise_change_multiply_variant(vise_change_best_variant(), panels, rows, columns, change, tokens,
                               y, stride);
}

/// Codes of `count` ≤ 64 values, and their scale.
static float codes_reference(const float *weight, int64_t count,
                             int8_t codes[VISE_CHANGE_RUN]) {
  float top = 0.0f;
  for (int64_t i = 0; i < count; i++) top = fmaxf(top, fabsf(weight[i]));
  float inverse = top > 0.0f ? 127.0f / top : 0.0f;
  for (int64_t i = 0; i < VISE_CHANGE_RUN; i++) {
    codes[i] = i < count ? (int8_t)fminf(rintf(weight[i] * inverse), 127.0f) : 0;
  }
  return top / 127.0f;
}

float vise_change_dot_reference(const float *restrict row, const float *restrict after,
                                const float *restrict before, int64_t columns) {
  float total = 0.0f;
  for (int64_t start = 0; start < columns; start += VISE_CHANGE_RUN) {
    int64_t count = columns - start < VISE_CHANGE_RUN ? columns - start : VISE_CHANGE_RUN;
    float changes[VISE_CHANGE_RUN];
    for (int64_t i = 0; i < count; i++) changes[i] = after[start + i] - before[start + i];
    int8_t weights[VISE_CHANGE_RUN], codes[VISE_CHANGE_RUN];
    float weight_scale = codes_reference(row + start, count, weights);
    float change_scale = codes_reference(changes, count, codes);
    int32_t sum = 0;
    for (int i = 0; i < VISE_CHANGE_RUN; i++) sum += weights[i] * codes[i];
    total = total + (weight_scale * change_scale) * (float)sum;
  }
  return total;
}
