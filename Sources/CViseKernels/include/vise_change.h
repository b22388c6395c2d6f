#ifndef VISE_CHANGE_H
#define VISE_CHANGE_H

#include <stdint.h>

// Products of a weight with the change of its input, both rounded to eight bits.
//
// Where an input differs little from one whose product is known, the product of the change is small,
// and rounding it costs a hundredth of that little rather than of the whole. Sixteen rows of a weight
// are laid side by side in a *panel*, a lane a row; each run of 64 columns has a scale of its own, in
// the weight by row and in the change by token. Columns are padded with zeros to whole runs. Sums of
// codes are exact integers, and all variants do the same float operations in the same order, so that
// they agree bit for bit.

/// Rows of a panel, and columns of a run.
#define VISE_CHANGE_ROWS 16
#define VISE_CHANGE_RUN 64

/// Bytes of a panel of `columns` columns; a multiple of 64.
int64_t vise_change_panel_bytes(int64_t columns);

/// Rounds `rows` ≤ 16 rows, `stride` floats apart; missing rows become zeros.
void vise_change_fill(const float *restrict weight, int64_t stride, int64_t rows, int64_t columns,
                      void *restrict panel);

/// Bytes of one row of a rounded change; a multiple of 64.
int64_t vise_change_row_bytes(int64_t columns);

/// Rounds after − before, of `rows` rows without gaps. A value that is no finite number makes all
/// products of its row NaN.
void vise_change_round(const float *restrict after, const float *restrict before, int64_t rows,
                       int64_t columns, void *restrict change);

/// y[t · stride + r] += row r · change t, of `rows` rows in consecutive panels.
///
/// A run's product is (weight scale · change scale) · sum of codes; runs are added in order to zero,
/// and their total to y.
void vise_change_multiply(const void *restrict panels, int64_t rows, int64_t columns,
                          const void *restrict change, int64_t tokens, float *restrict y,
                          int64_t stride);

enum {
  /// The definition in vectors, slower than products of floats.
  VISE_CHANGE_PORTABLE = 0,
  /// AVX-512 with VNNI, about three times as fast as products of floats.
  VISE_CHANGE_VNNI = 1,
};

/// The variant these functions run with on this CPU; all lower ones run as well.
int vise_change_best_variant(void);

/// The same functions with the variant named by the caller, for tests and benchmarks.
void vise_change_fill_variant(int variant, const float *restrict weight, int64_t stride,
                              int64_t rows, int64_t columns, void *restrict panel);
void vise_change_round_variant(int variant, const float *restrict after,
                               const float *restrict before, int64_t rows, int64_t columns,
                               void *restrict change);
void vise_change_multiply_variant(int variant, const void *restrict panels, int64_t rows,
                                  int64_t columns, const void *restrict change, int64_t tokens,
                                  float *restrict y, int64_t stride);

/// One output of `vise_change_multiply`, from the row and both inputs: the definition.
float vise_change_dot_reference(const float *restrict row, const float *restrict after,
                                const float *restrict before, int64_t columns);

#endif
