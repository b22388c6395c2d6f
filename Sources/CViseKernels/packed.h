#ifndef VISE_PACKED_LAYOUT_H
#define VISE_PACKED_LAYOUT_H

#include <stdint.h>

#include "decode.h"

/// How a type's weights are scales times codes: value = d · scale · (code − offset) − dmin · min.
///
/// Types with blocks of 32 have scale 1, and `m` added instead of dmin · min taken away.
typedef struct {
  /// Bits of a code; 0 for types without packed products.
  int bits;
  /// Whether codes are indices of `vise_iq4_values`, which then stand for code + 128.
  int has_table;
  int offset;
  int has_min;
  /// 32 or 256.
  int block_length, block_bytes;
  /// Codes that share a scale: 16 or 32.
  int sub_length;
  /// Whether only two of any four columns are kept, as packed_sparse.c lays them.
  int is_sparse;
} vise_packed_layout;

vise_packed_layout vise_packed_layout_of(uint32_t type);

/// The parts of one block of one row.
typedef struct {
  uint8_t codes[256];
  int8_t scales[16];
  uint8_t mins[16];
  /// Half floats.
  uint16_t d, m;
} vise_packed_block;

void vise_packed_read(uint32_t type, const uint8_t *restrict p, vise_packed_block *restrict block);

/// Where the parts of a row of rounded activations lie: codes, then scales, then sums of codes over
/// 32 (blocks of 32) or 16 columns.
typedef struct {
  int64_t scales, sums, bytes;
} vise_activation_layout;

static inline vise_activation_layout vise_activation_layout_of(int block_length, int64_t columns) {
  vise_activation_layout layout;
  layout.scales = columns;
  layout.sums = layout.scales + columns / block_length * 4;
  layout.bytes = layout.sums + columns / (block_length == 32 ? 32 : 16) * 4;
  layout.bytes = (layout.bytes + 63) / 64 * 64;
  return layout;
}

/// Bytes of the scales of sixteen rows of one block, which follow its codes.
///
/// Blocks of 256 have the scales and minima of each sub-block first; then come `d` and `m`.
static inline int64_t vise_panel_scale_bytes(const vise_packed_layout *layout) {
  int64_t halves = 16 * 2 * (1 + layout->has_min);
  if (layout->block_length == 32) return halves;
  return 256 / layout->sub_length * 16 * (1 + layout->has_min) + halves;
}

/// Bytes of the codes of sixteen rows of one block.
static inline int64_t vise_panel_code_bytes(const vise_packed_layout *layout) {
  if (layout->is_sparse) return (int64_t)layout->block_length * (2 + layout->bits);
  return (int64_t)layout->block_length * 16 * layout->bits / 8;
}

#endif
