// Products of rounded weights with rounded changes: the body of change.c. Lane l belongs to row l.
#include "vector_body.h"

#ifndef VISE_CHANGE_TYPES
#define VISE_CHANGE_TYPES
/// Four codes of each of sixteen rows.
typedef int8_t vs __attribute__((ext_vector_type(64)));
typedef uint8_t vu __attribute__((ext_vector_type(64)));

/// Tokens and panels multiplied together; totals and sums of both fill the registers.
#define VISE_CHANGE_TOKENS 6
#define VISE_CHANGE_PANELS 2
#endif

/// sums[l] + Σ weights[4l + i] · change[i], exact.
VISE_INLINE vi V(change_dot4)(vi sums, vs weights, const uint8_t *change) {
#if defined(VISE_VNNI)
  int32_t four;
  memcpy(&four, change, sizeof four);
  return (vi)_mm512_dpbusd_epi32((__m512i)sums, _mm512_set1_epi32(four), (__m512i)weights);
#else
  for (int lane = 0; lane < 16; lane++) {
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) sum += weights[4 * lane + i] * change[i];
    sums[lane] += sum;
  }
  return sums;
#endif
}

VISE_INLINE vs V(change_codes)(const uint8_t *p) {
  vs v;
  memcpy(&v, p, sizeof v);
  return v;
}

/// `panels` panels with `tokens` tokens; both are constants once inlined.
VISE_INLINE void V(change_tile)(const uint8_t *first, int64_t panel_bytes, int panels,
                                int64_t runs, const uint8_t *change, int64_t row_bytes, int tokens,
                                vf totals[VISE_CHANGE_TOKENS][VISE_CHANGE_PANELS]) {
  vf kept[VISE_CHANGE_TOKENS][VISE_CHANGE_PANELS];
  for (int t = 0; t < tokens; t++) {
    for (int p = 0; p < panels; p++) kept[t][p] = (vf)0.0f;
  }
  for (int64_t run = 0; run < runs; run++) {
    const uint8_t *weights = first + run * VISE_CHANGE_RUN_BYTES;
    vi sums[VISE_CHANGE_TOKENS][VISE_CHANGE_PANELS];
    for (int p = 0; p < panels; p++) {
      vi offset;
      memcpy(&offset, weights + p * panel_bytes + VISE_CHANGE_OFFSETS, sizeof offset);
      for (int t = 0; t < tokens; t++) sums[t][p] = offset;
    }
#if defined(VISE_VNNI)
#pragma clang loop unroll(full)
#endif
    for (int step = 0; step < VISE_CHANGE_RUN / 4; step++) {
      vs codes[VISE_CHANGE_PANELS];
#pragma clang loop unroll(full)
      for (int p = 0; p < panels; p++) {
        codes[p] = V(change_codes)(weights + p * panel_bytes + 64 * step);
      }
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) {
        const uint8_t *a = change + t * row_bytes + run * VISE_CHANGE_RUN + 4 * step;
#pragma clang loop unroll(full)
        for (int p = 0; p < panels; p++) sums[t][p] = V(change_dot4)(sums[t][p], codes[p], a);
      }
    }
    for (int p = 0; p < panels; p++) {
      vf scales = V(load)((const float *)(weights + p * panel_bytes + VISE_CHANGE_SCALES));
      for (int t = 0; t < tokens; t++) {
        float scale;
        memcpy(&scale, change + t * row_bytes + runs * VISE_CHANGE_RUN + run * 4, sizeof scale);
        kept[t][p] = kept[t][p] + (scales * scale) * V(to_float)(sums[t][p]);
      }
    }
  }
  for (int t = 0; t < tokens; t++) {
    for (int p = 0; p < panels; p++) totals[t][p] = kept[t][p];
  }
}

/// Adds the products of `panels` panels, of which `rows` rows exist, with `tokens` tokens.
VISE_INLINE void V(change_add)(const uint8_t *first, int64_t panel_bytes, int panels,
                               int64_t rows, int64_t runs, const uint8_t *change,
                               int64_t row_bytes, int tokens, float *y, int64_t stride) {
  vf totals[VISE_CHANGE_TOKENS][VISE_CHANGE_PANELS];
  V(change_tile)(first, panel_bytes, panels, runs, change, row_bytes, tokens, totals);
  for (int t = 0; t < tokens; t++) {
    for (int p = 0; p < panels; p++) {
      float *target = y + t * stride + p * LANES;
      int64_t left = rows - p * LANES;
      if (left >= LANES) {
        V(store)(target, V(load)(target) + totals[t][p]);
      } else {
        V(store_part)(target, V(load_part)(target, left, 0.0f) + totals[t][p], left);
      }
    }
  }
}

#define VISE_CHANGE_CASE(count)                                                               \
  case count:                                                                                 \
    V(change_add)(first, panel_bytes, panels, rows, runs, change, row_bytes, count, y, stride); \
    break;

/// All tokens with `panels` panels, which is a constant once inlined, while those are in the cache.
VISE_INLINE void V(change_panels)(const uint8_t *first, int64_t panel_bytes, int panels,
                                  int64_t rows, int64_t runs, const uint8_t *change,
                                  int64_t row_bytes, int64_t tokens, float *y, int64_t stride) {
  for (; tokens > 0; tokens -= VISE_CHANGE_TOKENS) {
    switch (tokens < VISE_CHANGE_TOKENS ? tokens : VISE_CHANGE_TOKENS) {
      VISE_CHANGE_CASE(1)
      VISE_CHANGE_CASE(2)
      VISE_CHANGE_CASE(3)
      VISE_CHANGE_CASE(4)
      VISE_CHANGE_CASE(5)
      VISE_CHANGE_CASE(6)
    }
    change += VISE_CHANGE_TOKENS * row_bytes;
    y += VISE_CHANGE_TOKENS * stride;
  }
}
#undef VISE_CHANGE_CASE

static void V(change_multiply)(const uint8_t *panels, int64_t rows, int64_t columns,
                               const uint8_t *change, int64_t tokens, float *y, int64_t stride) {
  int64_t runs = vise_change_runs(columns);
  int64_t panel_bytes = vise_change_panel_bytes(columns);
  int64_t row_bytes = vise_change_row_bytes(columns);
  while (rows > 0) {
    if (rows > LANES) {
      V(change_panels)(panels, panel_bytes, 2, rows, runs, change, row_bytes, tokens, y, stride);
    } else {
      V(change_panels)(panels, panel_bytes, 1, rows, runs, change, row_bytes, tokens, y, stride);
    }
    panels += VISE_CHANGE_PANELS * panel_bytes;
    y += VISE_CHANGE_PANELS * LANES;
    rows -= VISE_CHANGE_PANELS * LANES;
  }
}

/// Loads what there is of one run; what lies beyond `count` columns is zero.
VISE_INLINE void V(change_load)(const float *x, int64_t count, vf values[VISE_CHANGE_VECTORS]) {
  for (int i = 0; i < VISE_CHANGE_VECTORS; i++) {
    int64_t left = count - i * LANES;
    values[i] = left >= LANES ? V(load)(x + i * LANES)
                : left > 0    ? V(load_part)(x + i * LANES, left, 0.0f)
                              : (vf)0.0f;
  }
}

/// The scale of one run, whose values become codes, as integers in ±127; NaN where a value is no
/// finite number.
VISE_INLINE float V(change_codes_of)(const vf values[VISE_CHANGE_VECTORS],
                                     vi codes[VISE_CHANGE_VECTORS]) {
  vf largest = (vf)0.0f, zeros = (vf)0.0f;
  for (int i = 0; i < VISE_CHANGE_VECTORS; i++) {
    largest = V(larger)(V(from_bits)(V(bits)(values[i]) & (vi)0x7FFFFFFF), largest);
    zeros = zeros + values[i] * 0.0f;
  }
  float top = V(largest)(largest);
  float inverse = top > 0.0f ? 127.0f / top : 0.0f;
  for (int i = 0; i < VISE_CHANGE_VECTORS; i++) {
    vf code = V(smaller)(V(nearest)(values[i] * inverse), (vf)127.0f);
    codes[i] = __builtin_convertvector(code > -128.0f ? code : (vf)0.0f, vi);
  }
  return top / 127.0f + V(sum)(zeros);
}

static void V(change_round)(const float *after, const float *before, int64_t rows, int64_t columns,
                            uint8_t *change) {
  int64_t runs = vise_change_runs(columns);
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t run = 0; run < runs; run++) {
      int64_t start = run * VISE_CHANGE_RUN;
      vf values[VISE_CHANGE_VECTORS], old[VISE_CHANGE_VECTORS];
      vi codes[VISE_CHANGE_VECTORS];
      V(change_load)(after + start, columns - start, values);
      V(change_load)(before + start, columns - start, old);
      for (int i = 0; i < VISE_CHANGE_VECTORS; i++) values[i] = values[i] - old[i];
      float scale = V(change_codes_of)(values, codes);
      for (int i = 0; i < VISE_CHANGE_VECTORS; i++) {
        vb bytes = __builtin_convertvector(codes[i] + 128, vb);
        memcpy(change + start + i * LANES, &bytes, sizeof bytes);
      }
      memcpy(change + runs * VISE_CHANGE_RUN + run * 4, &scale, sizeof scale);
    }
    after += columns;
    before += columns;
    change += vise_change_row_bytes(columns);
  }
}

static void V(change_fill)(const float *weight, int64_t stride, int64_t rows, int64_t columns,
                           uint8_t *panel) {
  for (int64_t start = 0; start < columns; start += VISE_CHANGE_RUN) {
    memset(panel, 0, VISE_CHANGE_RUN_BYTES);
    for (int64_t row = 0; row < rows; row++) {
      vf values[VISE_CHANGE_VECTORS];
      vi codes[VISE_CHANGE_VECTORS], sums = (vi)0;
      V(change_load)(weight + row * stride + start, columns - start, values);
      float scale = V(change_codes_of)(values, codes);
      int8_t bytes[VISE_CHANGE_RUN];
      for (int i = 0; i < VISE_CHANGE_VECTORS; i++) {
        vsb part = __builtin_convertvector(codes[i], vsb);
        memcpy(bytes + i * LANES, &part, sizeof part);
        sums += codes[i];
      }
      for (int step = 0; step < VISE_CHANGE_RUN / 4; step++) {
        memcpy(panel + 64 * step + 4 * row, bytes + 4 * step, 4);
      }
      int32_t offset = 0;
      for (int lane = 0; lane < LANES; lane++) offset -= 128 * sums[lane];
      memcpy(panel + VISE_CHANGE_SCALES + 4 * row, &scale, sizeof scale);
      memcpy(panel + VISE_CHANGE_OFFSETS + 4 * row, &offset, sizeof offset);
    }
    panel += VISE_CHANGE_RUN_BYTES;
  }
}
