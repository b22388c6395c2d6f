// Elements that are no blocks: the body of decode_float.c.

static void V(decode_f16)(const uint8_t *restrict p, float *restrict y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = vise_half(p + 2 * i);
}

static void V(decode_bf16)(const uint8_t *restrict p, float *restrict y, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    y[i] = vise_float_from_bits((uint32_t)vise_u16(p + 2 * i) << 16);
  }
}

#define DECODE_NUMBERS(name, type)                                                           \
  static void V(decode_##name)(const uint8_t *restrict p, float *restrict y, int64_t count) { \
    for (int64_t i = 0; i < count; i++) {                                                    \
      type value;                                                                            \
      memcpy(&value, p + i * (int64_t)sizeof value, sizeof value);                           \
      y[i] = (float)value;                                                                   \
    }                                                                                        \
  }

DECODE_NUMBERS(i8, int8_t)
DECODE_NUMBERS(i16, int16_t)
DECODE_NUMBERS(i32, int32_t)
DECODE_NUMBERS(i64, int64_t)
DECODE_NUMBERS(f64, double)
#undef DECODE_NUMBERS
