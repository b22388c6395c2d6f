#ifndef VISE_ENCODE_SUPER_H
#define VISE_ENCODE_SUPER_H

/// Defines V(encode_<name>) for super-blocks of 256 in tiles of 16 / group at a time: `kind`s of
/// groups (`pair` or `single`) are fitted by V(fit_<kind>s) and stored by V(put_<name>).
#define VISE_ENCODE_SUPER(kind, name, bytes)                                                 \
  static void V(encode_##name)(const float *x, uint8_t *out, int64_t blocks,                 \
                               const float *importance, int64_t period) {                    \
    const vise_##kind##_range *range = &vise_##name##_range;                                 \
    vise_tile tile;                                                                          \
    int64_t step = 16 / range->group;                                                        \
    for (int64_t first = 0; first < blocks; first += step) {                                 \
      int64_t count = blocks - first < step ? blocks - first : step;                         \
      vise_##kind##_fit fit;                                                                 \
      V(load_tile)(&tile, x + first * 256, count * range->group, range->length);             \
      if (importance) {                                                                      \
        V(load_importance)(&tile, importance, first * range->group, period * range->group,   \
                           range->length);                                                   \
        fit = V(fit_##kind##s)(&tile, 1, range);                                             \
      } else {                                                                               \
        fit = V(fit_##kind##s)(&tile, 0, range);                                             \
      }                                                                                      \
      for (int64_t k = 0; k < count; k++) {                                                  \
        V(put_##name)(x + (first + k) * 256, &fit, (int)k * range->group,                    \
                      out + (first + k) * (bytes));                                          \
      }                                                                                      \
    }                                                                                        \
  }

#endif
