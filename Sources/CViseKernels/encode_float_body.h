// Half floats: the body of encode_float.c.

static void V(encode_f16)(const float *x, uint8_t *out, int64_t count, const float *importance,
                          int64_t period) {
  (void)importance, (void)period;
  for (int64_t i = 0; i < count; i++) vise_put_half(out + 2 * i, x[i]);
}

/// Ties to even; NaN gives 0 and overflow the largest finite value.
static void V(encode_bf16)(const float *x, uint8_t *out, int64_t count, const float *importance,
                           int64_t period) {
  (void)importance, (void)period;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits = vise_bits_of_float(x[i]), magnitude = bits & 0x7FFFFFFF;
    uint32_t half = (magnitude + 0x7FFF + (magnitude >> 16 & 1)) >> 16;
    half = half > 0x7F7F ? 0x7F7F : half;
    half |= bits >> 16 & 0x8000;
    vise_put_u16(out + 2 * i, (uint16_t)(magnitude > 0x7F800000u ? 0 : half));
  }
}
