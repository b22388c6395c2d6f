#ifndef VISE_SPARSE_H
#define VISE_SPARSE_H

#include <stdint.h>

// Products of packed weights of which at most two of any four columns are not zero (2:4).
//
// Panels are those of vise_packed.h, with a mask and two codes for each four columns of a row:
// Q8_0 takes 5.5 bits a weight instead of 8.5, Q4_0 3.5 instead of 4.5. Zeros add nothing to sums of
// integers, so a product is that of `vise_packed_multiply` bit for bit, and its definition is
// `vise_packed_dot_reference`. Activations are those of the dense type.

/// Bytes of a panel; 0 where the type has no such form or the columns are no whole number of blocks.
int64_t vise_sparse_panel_bytes(uint32_t type, int64_t columns);

/// Whether no four columns of `rows` rows, `row_bytes` apart, hold more than two weights.
int vise_sparse_fits(uint32_t type, const void *restrict source, int64_t row_bytes, int64_t rows,
                     int64_t columns);

/// Lays `rows` ≤ 16 rows that fit side by side; missing rows become zeros.
void vise_sparse_fill(uint32_t type, const void *restrict source, int64_t row_bytes, int64_t rows,
                      int64_t columns, void *restrict panel);

/// As `vise_packed_multiply`.
void vise_sparse_multiply(uint32_t type, const void *restrict panels, int64_t rows,
                          int64_t columns, const void *restrict activations, int64_t tokens,
                          float *restrict y, int64_t stride);

enum {
  VISE_SPARSE_PORTABLE = 0,
  /// AVX-512 with VNNI and VBMI2, which spreads kept codes in one instruction.
  VISE_SPARSE_VBMI2 = 1,
};

/// The variant `vise_sparse_multiply` runs with on this CPU. The portable one is slower than a
/// dense product.
int vise_sparse_best_variant(void);

/// The same with the variant named by the caller, for tests and benchmarks.
void vise_sparse_multiply_variant(int variant, uint32_t type, const void *restrict panels,
                                  int64_t rows, int64_t columns,
                                  const void *restrict activations, int64_t tokens,
                                  float *restrict y, int64_t stride);

#endif
