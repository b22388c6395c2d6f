#ifndef VISE_BITS_H
#define VISE_BITS_H

#include <stdint.h>
#include <string.h>

// Little-endian reads at any address, and half floats. Files are little-endian, and so are the
// CPUs Vise runs on.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are read in place");

#define VISE_BITS static inline __attribute__((always_inline, unused))

VISE_BITS uint16_t vise_u16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

VISE_BITS uint32_t vise_u32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

VISE_BITS float vise_float_from_bits(uint32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

VISE_BITS uint32_t vise_bits_of_float(float value) {
  uint32_t v;
  memcpy(&v, &value, sizeof v);
  return v;
}

/// The value of half-float bits: shifted into place, the exponent bias corrected by a product,
/// which is exact for subnormals too.
VISE_BITS float vise_half_value(uint16_t half) {
  float scaled = vise_float_from_bits((uint32_t)(half & 0x7FFF) << 13) * 0x1p112f;
  uint32_t bits = vise_bits_of_float(scaled) | (uint32_t)(half & 0x8000) << 16;
  return vise_float_from_bits((half & 0x7C00) == 0x7C00 ? bits | 0x7F800000 : bits);
}

/// The half-float at `p`.
VISE_BITS float vise_half(const uint8_t *p) { return vise_half_value(vise_u16(p)); }

#endif
