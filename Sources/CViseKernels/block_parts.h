#ifndef VISE_BLOCK_PARTS_H
#define VISE_BLOCK_PARTS_H

#include <stdint.h>

#include "codebooks.h"
#include "encode.h"

/// The levels a code can stand for.
enum { VISE_LEVELS_INTEGER, VISE_LEVELS_IQ4, VISE_LEVELS_E2M1 };

/// A type whose weights are value = d·sc·level − dmin·mn, with sc and mn of their sub-block.
///
/// Where a type stores no sc or mn they are 1, and their limits 0.
typedef struct {
  uint32_t type;
  int bytes, length;       // of a block
  int sub_length;          // weights that share sc and mn
  int has_minimum;         // whether dmin and mn exist
  int unit_is_power;       // whether d is a power of two, which no refit may change
  int levels;
  float low, high;         // levels, where they are integers
  float scale_low, scale_high, minimum_high;
} vise_block_kind;

/// One block taken apart.
typedef struct {
  float d, dmin;
  float sc[16], mn[16];
  float level[256];
} vise_block_parts;

static const vise_block_kind vise_block_kinds[] = {
    {VISE_Q4_0, 18, 32, 32, 0, 0, VISE_LEVELS_INTEGER, -8, 7, 0, 0, 0},
    {VISE_Q4_1, 20, 32, 32, 1, 0, VISE_LEVELS_INTEGER, 0, 15, 0, 0, 0},
    {VISE_Q5_0, 22, 32, 32, 0, 0, VISE_LEVELS_INTEGER, -16, 15, 0, 0, 0},
    {VISE_Q5_1, 24, 32, 32, 1, 0, VISE_LEVELS_INTEGER, 0, 31, 0, 0, 0},
    {VISE_Q8_0, 34, 32, 32, 0, 0, VISE_LEVELS_INTEGER, -127, 127, 0, 0, 0},
    {VISE_IQ4_NL, 18, 32, 32, 0, 0, VISE_LEVELS_IQ4, 0, 0, 0, 0, 0},
    {VISE_MXFP4, 17, 32, 32, 0, 1, VISE_LEVELS_E2M1, 0, 0, 0, 0, 0},
    {VISE_Q2_K, 84, 256, 16, 1, 0, VISE_LEVELS_INTEGER, 0, 3, 0, 15, 15},
    {VISE_Q3_K, 110, 256, 16, 0, 0, VISE_LEVELS_INTEGER, -4, 3, -32, 31, 0},
    {VISE_Q4_K, 144, 256, 32, 1, 0, VISE_LEVELS_INTEGER, 0, 15, 0, 63, 63},
    {VISE_Q5_K, 176, 256, 32, 1, 0, VISE_LEVELS_INTEGER, 0, 31, 0, 63, 63},
    {VISE_Q6_K, 210, 256, 16, 0, 0, VISE_LEVELS_INTEGER, -32, 31, -128, 127, 0},
    {VISE_IQ4_XS, 136, 256, 32, 0, 0, VISE_LEVELS_IQ4, 0, 0, -32, 31, 0},
    {VISE_TQ2_0, 66, 256, 256, 0, 0, VISE_LEVELS_INTEGER, -1, 1, 0, 0, 0},
};

/// The kind of `type`, or NULL where its weights are no such values.
static inline const vise_block_kind *vise_block_kind_of(uint32_t type) {
  for (unsigned i = 0; i < sizeof vise_block_kinds / sizeof *vise_block_kinds; i++) {
    if (vise_block_kinds[i].type == type) return &vise_block_kinds[i];
  }
  return 0;
}

/// Takes the block at `p` apart, and puts the parts together again.
void vise_block_unpack(const vise_block_kind *kind, const uint8_t *p, vise_block_parts *parts);
void vise_block_pack(const vise_block_kind *kind, const vise_block_parts *parts, uint8_t *p);

#endif
