#ifndef VISE_PACKED_H
#define VISE_PACKED_H

#include <stdint.h>

// Products of packed ggml weights with activations rounded to eight bits.
//
// Sixteen rows of a weight are laid side by side in a *panel*, a lane a row, in the bits the type
// has, so that a product needs no step across lanes. Activations are blocks of codes with a scale:
// of 32 (VISE_Q8_0's rounding) for types with blocks of 32, of 256 (VISE_Q8_K's) for the others.
// Sums of codes are exact integers, and all variants do the same float operations in the same
// order, so that they agree bit for bit.

/// Rows of a panel.
#define VISE_PANEL_ROWS 16

/// Bytes of a panel of `columns` columns of `type`; 0 where the type has no packed product or the
/// columns are no whole number of blocks. A multiple of 64.
int64_t vise_packed_panel_bytes(uint32_t type, int64_t columns);

/// Lays `rows` ≤ 16 rows, `row_bytes` apart, side by side; missing rows become zeros.
void vise_packed_fill(uint32_t type, const void *restrict source, int64_t row_bytes, int64_t rows,
                      int64_t columns, void *restrict panel);

/// Bytes of one row of rounded activations for weights of `type`; a multiple of 64.
int64_t vise_packed_activation_bytes(uint32_t type, int64_t columns);

/// Rounds `rows` rows of activations for weights of `type`.
void vise_packed_activations(uint32_t type, const float *restrict x, int64_t rows, int64_t columns,
                             void *restrict activations);

/// y[t · stride + r] = row r · activations t, of `rows` rows in consecutive panels.
void vise_packed_multiply(uint32_t type, const void *restrict panels, int64_t rows,
                          int64_t columns, const void *restrict activations, int64_t tokens,
                          float *restrict y, int64_t stride);

/// One output of `vise_packed_multiply`, from the row as the file has it: the definition.
float vise_packed_dot_reference(uint32_t type, const void *restrict row, int64_t columns,
                                const void *restrict activations);

enum {
  VISE_PACKED_PORTABLE = 0,
  VISE_PACKED_AVX2 = 1,
  /// AVX-512 with VNNI.
  VISE_PACKED_VNNI = 2,
};

/// The variant `vise_packed_multiply` runs with on this CPU; all lower ones run as well.
int vise_packed_best_variant(void);

/// The same functions with the variant named by the caller, for tests and benchmarks.
void vise_packed_multiply_variant(int variant, uint32_t type, const void *restrict panels,
                                  int64_t rows, int64_t columns,
                                  const void *restrict activations, int64_t tokens,
                                  float *restrict y, int64_t stride);
void vise_packed_activations_variant(int variant, uint32_t type, const float *restrict x,
                                     int64_t rows, int64_t columns, void *restrict activations);

#endif
