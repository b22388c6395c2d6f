// What the bytes of each packed type mean, and how panels are laid out from them.
#include <stddef.h>
#include <string.h>

#include "codebooks.h"
#include "packed.h"
#include "vise_packed.h"

vise_packed_layout vise_packed_layout_of(uint32_t type) {
  switch (type) {
    //                       bits table offset min length bytes sub sparse
    case VISE_Q4_0: return (vise_packed_layout){4, 0, 8, 0, 32, 18, 32, 0};
    case VISE_Q4_1: return (vise_packed_layout){4, 0, 0, 1, 32, 20, 32, 0};
    case VISE_Q5_0: return (vise_packed_layout){5, 0, 16, 0, 32, 22, 32, 0};
    case VISE_Q5_1: return (vise_packed_layout){5, 0, 0, 1, 32, 24, 32, 0};
    case VISE_Q8_0: return (vise_packed_layout){8, 0, 128, 0, 32, 34, 32, 0};
    case VISE_IQ4_NL: return (vise_packed_layout){4, 1, 128, 0, 32, 18, 32, 0};
    case VISE_Q2_K: return (vise_packed_layout){2, 0, 0, 1, 256, 84, 16, 0};
    case VISE_Q3_K: return (vise_packed_layout){3, 0, 4, 0, 256, 110, 16, 0};
    case VISE_Q4_K: return (vise_packed_layout){4, 0, 0, 1, 256, 144, 32, 0};
    case VISE_Q5_K: return (vise_packed_layout){5, 0, 0, 1, 256, 176, 32, 0};
    case VISE_Q6_K: return (vise_packed_layout){6, 0, 32, 0, 256, 210, 16, 0};
    case VISE_IQ4_XS: return (vise_packed_layout){4, 1, 128, 0, 256, 136, 32, 0};
    default: return (vise_packed_layout){0, 0, 0, 0, 1, 1, 1, 0};
  }
}

/// Low nibbles of sixteen bytes, then their high nibbles.
static void split_nibbles(const uint8_t *p, uint8_t *codes) {
  for (int i = 0; i < 16; i++) {
    codes[i] = p[i] & 15;
    codes[16 + i] = p[i] >> 4;
  }
}

static void add_fifth_bits(const uint8_t *p, uint8_t *codes) {
  uint32_t high = vise_u32(p);
  for (int i = 0; i < 32; i++) codes[i] |= (uint8_t)((high >> i & 1) << 4);
}

static void read_q2_k(const uint8_t *restrict p, vise_packed_block *restrict block) {
  for (int sub = 0; sub < 16; sub++) {
    const uint8_t *qs = p + 16 + sub / 8 * 32 + sub % 2 * 16;
    int shift = sub % 8 / 2 * 2;
    for (int i = 0; i < 16; i++) block->codes[sub * 16 + i] = qs[i] >> shift & 3;
    block->scales[sub] = (int8_t)(p[sub] & 15);
    block->mins[sub] = p[sub] >> 4;
  }
  block->d = vise_u16(p + 80);
  block->m = vise_u16(p + 82);
}

static void read_q3_k(const uint8_t *restrict p, vise_packed_block *restrict block) {
  for (int sub = 0; sub < 16; sub++) {
    const uint8_t *qs = p + 32 + sub / 8 * 32 + sub % 2 * 16, *mask = p + sub % 2 * 16;
    int shift = sub % 8 / 2 * 2, bit = sub / 2;
    for (int i = 0; i < 16; i++) {
      block->codes[sub * 16 + i] = (qs[i] >> shift & 3) | (mask[i] >> bit & 1) << 2;
    }
    int low = p[96 + sub % 8] >> (sub / 8 * 4) & 15;
    int high = p[104 + sub % 4] >> (sub / 4 * 2) & 3;
    block->scales[sub] = (int8_t)((low | high << 4) - 32);
  }
  block->d = vise_u16(p + 108);
}

/// Six-bit scales and minima of eight sub-blocks in twelve bytes.
static void read_pairs(const uint8_t *restrict p, vise_packed_block *restrict block) {
  for (int sub = 0; sub < 4; sub++) {
    block->scales[sub] = p[sub] & 63;
    block->mins[sub] = p[4 + sub] & 63;
    block->scales[4 + sub] = (int8_t)((p[8 + sub] & 15) | (p[sub] >> 6) << 4);
    block->mins[4 + sub] = (uint8_t)(p[8 + sub] >> 4 | (p[4 + sub] >> 6) << 4);
  }
}

/// Q4_K, and Q5_K where `high` has the fifth bits.
static void read_q45_k(const uint8_t *restrict p, const uint8_t *high, const uint8_t *qs,
                       vise_packed_block *restrict block) {
  for (int sub = 0; sub < 8; sub++) {
    int shift = sub % 2 * 4;
    for (int i = 0; i < 32; i++) {
      int code = qs[sub / 2 * 32 + i] >> shift & 15;
      if (high) code |= (high[i] >> sub & 1) << 4;
      block->codes[sub * 32 + i] = (uint8_t)code;
    }
  }
  read_pairs(p + 4, block);
  block->d = vise_u16(p);
  block->m = vise_u16(p + 2);
}

static void read_q6_k(const uint8_t *restrict p, vise_packed_block *restrict block) {
  for (int sub = 0; sub < 16; sub++) {
    const uint8_t *low = p + sub / 8 * 64 + sub % 4 * 16;
    const uint8_t *high = p + 128 + sub / 8 * 32 + sub % 2 * 16;
    int shift = sub % 8 / 4 * 4, high_shift = sub % 8 / 2 * 2;
    for (int i = 0; i < 16; i++) {
      block->codes[sub * 16 + i] =
          (uint8_t)((low[i] >> shift & 15) | (high[i] >> high_shift & 3) << 4);
    }
    block->scales[sub] = (int8_t)p[192 + sub];
  }
  block->d = vise_u16(p + 208);
}

static void read_iq4_xs(const uint8_t *restrict p, vise_packed_block *restrict block) {
  for (int sub = 0; sub < 8; sub++) {
    int low = p[4 + sub / 2] >> (sub % 2 * 4) & 15;
    int high = vise_u16(p + 2) >> 2 * sub & 3;
    block->scales[sub] = (int8_t)((low | high << 4) - 32);
    split_nibbles(p + 8 + sub * 16, block->codes + sub * 32);
  }
  block->d = vise_u16(p);
}

void vise_packed_read(uint32_t type, const uint8_t *restrict p,
                      vise_packed_block *restrict block) {
  block->d = vise_u16(p);
  switch (type) {
    case VISE_Q4_0:
    case VISE_IQ4_NL: split_nibbles(p + 2, block->codes); break;
    case VISE_Q4_1:
      split_nibbles(p + 4, block->codes);
      block->m = vise_u16(p + 2);
      break;
    case VISE_Q5_0:
      split_nibbles(p + 6, block->codes);
      add_fifth_bits(p + 2, block->codes);
      break;
    case VISE_Q5_1:
      split_nibbles(p + 8, block->codes);
      add_fifth_bits(p + 4, block->codes);
      block->m = vise_u16(p + 2);
      break;
    case VISE_Q8_0:
      for (int i = 0; i < 32; i++) block->codes[i] = p[2 + i] ^ 128;
      break;
    case VISE_Q2_K: read_q2_k(p, block); break;
    case VISE_Q3_K: read_q3_k(p, block); break;
    case VISE_Q4_K: read_q45_k(p, NULL, p + 16, block); break;
    case VISE_Q5_K: read_q45_k(p, p + 16, p + 48, block); break;
    case VISE_Q6_K: read_q6_k(p, block); break;
    case VISE_IQ4_XS: read_iq4_xs(p, block); break;
    default: break;
  }
}

int64_t vise_packed_panel_bytes(uint32_t type, int64_t columns) {
  vise_packed_layout layout = vise_packed_layout_of(type);
  if (layout.bits == 0 || columns % layout.block_length != 0) return 0;
  int64_t block = vise_panel_code_bytes(&layout) + vise_panel_scale_bytes(&layout);
  return (columns / layout.block_length * block + 63) / 64 * 64;
}

int64_t vise_packed_activation_bytes(uint32_t type, int64_t columns) {
  return vise_activation_layout_of(vise_packed_layout_of(type).block_length, columns).bytes;
}

/// Adds 32 codes of one row to the planes of a panel: byte 4 · row + i of vector k is column 4k + i.
///
/// Planes hold 8, 4, 2 or 1 bits of a code, wide ones first; a byte of a plane of b bits holds 8 / b
/// vectors, those of neighbouring columns.
static void add_codes(int bits, const uint8_t *restrict codes, int row, uint8_t *restrict plane) {
  for (int width = 8, taken = 0; width >= 1; width /= 2) {
    if (!(bits & width)) continue;
    int vectors_per_byte = 8 / width, mask = (1 << width) - 1;
    for (int column = 0; column < 32; column++) {
      int vector = column / 4, code = codes[column] >> taken & mask;
      plane[vector / vectors_per_byte * 64 + row * 4 + column % 4] |=
          (uint8_t)(code << vector % vectors_per_byte * width);
    }
    plane += 64 * width;
    taken += width;
  }
}

static void add_scales(const vise_packed_layout *layout, const vise_packed_block *block, int row,
                       uint8_t *restrict scales) {
  if (layout->block_length == 256) {
    int subs = 256 / layout->sub_length;
    for (int sub = 0; sub < subs; sub++) scales[sub * 16 + row] = (uint8_t)block->scales[sub];
    scales += subs * 16;
    if (layout->has_min) {
      for (int sub = 0; sub < subs; sub++) scales[sub * 16 + row] = block->mins[sub];
      scales += subs * 16;
    }
  }
  memcpy(scales + row * 2, &block->d, 2);
  if (layout->has_min) memcpy(scales + 32 + row * 2, &block->m, 2);
}

void vise_packed_fill(uint32_t type, const void *restrict source, int64_t row_bytes, int64_t rows,
                      int64_t columns, void *restrict panel) {
  vise_packed_layout layout = vise_packed_layout_of(type);
  int64_t blocks = columns / layout.block_length;
  int64_t code_bytes = vise_panel_code_bytes(&layout);
  int64_t block_bytes = code_bytes + vise_panel_scale_bytes(&layout);
  memset(panel, 0, (size_t)vise_packed_panel_bytes(type, columns));
  for (int64_t row = 0; row < rows; row++) {
    const uint8_t *p = (const uint8_t *)source + row * row_bytes;
    for (int64_t i = 0; i < blocks; i++) {
      vise_packed_block block;
      vise_packed_read(type, p + i * layout.block_bytes, &block);
      uint8_t *codes = (uint8_t *)panel + i * block_bytes;
      for (int start = 0; start < layout.block_length; start += 32) {
        add_codes(layout.bits, block.codes + start, (int)row, codes + start * 2 * layout.bits);
      }
      add_scales(&layout, &block, (int)row, codes + code_bytes);
    }
  }
}

/// d · a · Σ scale · Σ (code − offset) · activation − dmin · a · Σ min · Σ activation.
static float block_256(const vise_packed_layout *layout, const vise_packed_block *block,
                       const int8_t *a, const int32_t *sums, float scale) {
  int32_t products = 0, minima = 0;
  for (int start = 0; start < 256; start += layout->sub_length) {
    int32_t sum = 0, activations = 0;
    for (int i = start; i < start + layout->sub_length; i++) {
      int code = layout->has_table ? vise_iq4_values[block->codes[i]] + 128 : block->codes[i];
      sum += (code - layout->offset) * a[i];
    }
    for (int k = start / 16; k < (start + layout->sub_length) / 16; k++) activations += sums[k];
    products += block->scales[start / layout->sub_length] * sum;
    minima += block->mins[start / layout->sub_length] * activations;
  }
  float value = (vise_half_value(block->d) * scale) * (float)products;
  if (!layout->has_min) return value;
  return value - (vise_half_value(block->m) * scale) * (float)minima;
}

/// d · a · Σ (code − offset) · activation + m · a · Σ activation.
static float block_32(const vise_packed_layout *layout, const vise_packed_block *block,
                      const int8_t *a, int32_t activations, float scale) {
  int32_t sum = 0;
  for (int i = 0; i < 32; i++) {
    int code = layout->has_table ? vise_iq4_values[block->codes[i]] + 128 : block->codes[i];
    sum += (code - layout->offset) * a[i];
  }
  float value = (vise_half_value(block->d) * scale) * (float)sum;
  if (!layout->has_min) return value;
  return value + vise_half_value(block->m) * (scale * (float)activations);
}

float vise_packed_dot_reference(uint32_t type, const void *restrict row, int64_t columns,
                                const void *restrict activations) {
  vise_packed_layout layout = vise_packed_layout_of(type);
  vise_activation_layout places = vise_activation_layout_of(layout.block_length, columns);
  const int8_t *a = activations;
  const float *scales = (const float *)((const uint8_t *)activations + places.scales);
  const int32_t *sums = (const int32_t *)((const uint8_t *)activations + places.sums);
  float result = 0;
  for (int64_t i = 0; i < columns / layout.block_length; i++) {
    vise_packed_block block;
    vise_packed_read(type, (const uint8_t *)row + i * layout.block_bytes, &block);
    result += layout.block_length == 32
                  ? block_32(&layout, &block, a + i * 32, sums[i], scales[i])
                  : block_256(&layout, &block, a + i * 256, sums + i * 16, scales[i]);
  }
  return result;
}
