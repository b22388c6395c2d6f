// Norms, activations and sums: the body of neural.c.
#include "vector_body.h"
#include "exp_body.h"

/// Applies OPERATION, which sets `result` from index `i` through LOAD, to all of `count`.
#define FOR_LANES(count, LOADS, OPERATION, y)                     \
  int64_t i = 0;                                                  \
  for (; i + LANES <= (count); i += LANES) {                      \
    LOADS(V(load), ) OPERATION V(store)((y) + i, result);         \
  }                                                               \
  if (i < (count)) {                                              \
    LOADS(V(load_part), TAIL(count))                              \
    OPERATION V(store_part)((y) + i, result, (count)-i);          \
  }
#define TAIL(count) , (count)-i, 0.0f

static void V(exp)(const float *x, int64_t count, float *y) {
#define LOADS(load, tail) vf a = load(x + i tail);
  FOR_LANES(count, LOADS, vf result = V(exponential)(a);, y)
#undef LOADS
}

static void V(silu_multiply)(const float *gate, const float *up, int64_t count, float *y) {
#define LOADS(load, tail) vf g = load(gate + i tail), u = load(up + i tail);
  FOR_LANES(count, LOADS, vf result = g * V(sigmoid)(g) * u;, y)
#undef LOADS
}

static void V(gelu_multiply)(const float *gate, const float *up, int64_t count, float *y) {
#define LOADS(load, tail) vf g = load(gate + i tail), u = load(up + i tail);
  FOR_LANES(count, LOADS, vf result = V(gelu_lanes)(g) * u;, y)
#undef LOADS
}

static void V(gelu)(const float *x, int64_t count, float *y) {
#define LOADS(load, tail) vf a = load(x + i tail);
  FOR_LANES(count, LOADS, vf result = V(gelu_lanes)(a);, y)
#undef LOADS
}

static void V(add)(const float *x, int64_t count, float *y) {
#define LOADS(load, tail) vf a = load(x + i tail), b = load(y + i tail);
  FOR_LANES(count, LOADS, vf result = b + a;, y)
#undef LOADS
}

static void V(scale)(float *x, int64_t count, float factor) {
#define LOADS(load, tail) vf a = load(x + i tail);
  FOR_LANES(count, LOADS, vf result = a * factor;, x)
#undef LOADS
}

static void V(soft_cap)(float *x, int64_t count, float cap) {
#define LOADS(load, tail) vf a = load(x + i tail);
  FOR_LANES(count, LOADS, vf result = cap * V(hyperbolic_tangent)(a / cap);, x)
#undef LOADS
}
#undef TAIL
#undef FOR_LANES

/// Σ (a − b)², or Σ (a − offset)² where `b` is NULL, in double.
VISE_INLINE double V(squares)(const float *a, const float *b, double offset, int64_t count) {
  vd total = (vd)0.0;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vd difference = V(widen)(V(load)(a + i)) - (b ? V(widen)(V(load)(b + i)) : (vd)offset);
    total += difference * difference;
  }
  double sum = V(sum_double)(total);
  for (; i < count; i++) {
    double difference = (double)a[i] - (b ? (double)b[i] : offset);
    sum += difference * difference;
  }
  return sum;
}

static double V(squared_distance)(const float *a, const float *b, int64_t count) {
  return V(squares)(a, b, 0.0, count);
}

static double V(dot)(const float *a, const float *b, int64_t count) {
  vd total = (vd)0.0;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    total += V(widen)(V(load)(a + i)) * V(widen)(V(load)(b + i));
  }
  double sum = V(sum_double)(total);
  for (; i < count; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

static double V(plain_sum)(const float *x, int64_t count) {
  vd total = (vd)0.0;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) total += V(widen)(V(load)(x + i));
  double sum = V(sum_double)(total);
  for (; i < count; i++) sum += x[i];
  return sum;
}

static void V(rms_norm_rows)(const float *x, int64_t rows, int64_t count, const float *weight,
                             float epsilon, float *y) {
  for (int64_t row = 0; row < rows; row++, x += count, y += count) {
    double mean = V(squares)(x, NULL, 0.0, count) / (double)count;
    float factor = (float)(1.0 / sqrt(mean + (double)epsilon));
    for (int64_t i = 0; i < count; i++) y[i] = x[i] * factor * weight[i];
  }
}

static void V(layer_norm_rows)(const float *x, int64_t rows, int64_t count, const float *weight,
                               const float *bias, float epsilon, float *y) {
  for (int64_t row = 0; row < rows; row++, x += count, y += count) {
    double mean = V(plain_sum)(x, count) / (double)count;
    double variance = V(squares)(x, NULL, mean, count) / (double)count;
    float factor = (float)(1.0 / sqrt(variance + (double)epsilon));
    float center = (float)mean;
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - center) * factor * weight[i] + bias[i];
  }
}

static void V(rotate_halves)(float *x, int64_t half, const float *table) {
  for (int64_t i = 0; i < half; i++) {
    float cosine = table[2 * i], sine = table[2 * i + 1];
    float first = x[i], second = x[i + half];
    x[i] = first * cosine - second * sine;
    x[i + half] = first * sine + second * cosine;
  }
}

static void V(rotate_neighbours)(float *x, int64_t half, const float *table) {
  for (int64_t i = 0; i < half; i++) {
    float cosine = table[2 * i], sine = table[2 * i + 1];
    float first = x[2 * i], second = x[2 * i + 1];
    x[2 * i] = first * cosine - second * sine;
    x[2 * i + 1] = first * sine + second * cosine;
  }
}

static void V(rope_rows)(float *x, int64_t rows, int64_t stride, int64_t heads,
                         int64_t head_length, int64_t rotary, int64_t first_position,
                         const float *table, int interleaved) {
  for (int64_t row = 0; row < rows; row++) {
    const float *angles = table + (first_position + row) * rotary;
    for (int64_t head = 0; head < heads; head++) {
      float *features = x + row * stride + head * head_length;
      if (interleaved) {
        V(rotate_neighbours)(features, rotary / 2, angles);
      } else {
        V(rotate_halves)(features, rotary / 2, angles);
      }
    }
  }
}
