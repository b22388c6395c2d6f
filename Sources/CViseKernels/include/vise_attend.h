#ifndef VISE_ATTEND_H
#define VISE_ATTEND_H

#include <stdint.h>

/// Attention of one position: `heads` ≤ 64 query heads that share the keys and values of one head.
///
/// y[h] = Σ softmax(scale · q[h] · k[p]) v[p] over p < `count`; keys of `key_length` features are
/// `key_stride` floats apart, values of `value_length` `value_stride`. `scores` holds heads · count floats and is overwritten.
void vise_attend_heads(const float *restrict q, int64_t heads, int64_t key_length,
                       const float *restrict keys, int64_t key_stride, int64_t value_length,
                       const float *restrict values, int64_t value_stride, int64_t count,
                       float scale, float *restrict scores, float *restrict y);

/// Tells the CPU that this thread waits for another one's write.
static inline void vise_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
