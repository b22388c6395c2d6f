// The nearest point of a grid for each of sixteen sub-blocks. Included by encode_iq_body.h.
//
// The error of a point is the sum of the errors of its two halves, and few halves exist: tables
// hold the error of each in each lane. Points that share their upper half form a run, so a point
// costs one minimum.

#ifndef VISE_GRID_TYPES
#define VISE_GRID_TYPES

/// Errors of the lower and upper halves of points, by their packed codes.
typedef struct {
  vf low[256], high[256];
} vise_half_errors;

/// What each lane's weights are stored as, and the error that leaves.
typedef struct {
  vf q[32];     // weight ≈ scale · q
  vi codes[8];  // points, by number
  vi signs[4];  // eight bits each; of a shifted grid whether the shift is negative
  vf errors[4]; // of eight weights each
  vf error;
} vise_grid_fit;
#endif

/// Appends the run of points `first` … `end` − 1.
VISE_INLINE void V(append_run)(const vise_iq_range *range, int first, int end,
                               vise_grid_runs *runs) {
  int shift = range->bits == 2 ? 8 : 6, mask = (1 << shift) - 1, k = runs->count++;
  int length = runs->fours[k] * 4;
  for (int point = first; point < end; point++) {
    runs->lower[length++] = (uint16_t)((range->points[point] & mask) * sizeof(vf));
  }
  for (; length % 4 != 0; length++) runs->lower[length] = runs->lower[length - 1];
  runs->upper[k] = (uint8_t)(range->points[first] >> shift);
  runs->first[k] = (uint16_t)first;
  runs->end[k] = (uint16_t)end;
  runs->fours[k + 1] = (uint16_t)(length / 4);
}

/// Makes the runs of a range's grid, the short ones first: loops over equally long runs that
/// follow each other are predicted well.
static void V(make_runs)(const vise_iq_range *range, vise_grid_runs *runs) {
  int shift = range->bits == 2 ? 8 : 6, longest = 1;
  runs->count = 0;
  runs->fours[0] = 0;
  for (int fours = 1; fours <= longest; fours++) {
    for (int first = 0, end; first < range->count; first = end) {
      int upper = range->points[first] >> shift;
      for (end = first + 1; end < range->count && range->points[end] >> shift == upper;) end++;
      int length = (end - first + 3) / 4;
      longest = length > longest ? length : longest;
      if (length == fours) V(append_run)(range, first, end, runs);
    }
  }
}

/// Errors of half a point: of four 2-bit codes or two 3-bit codes.
VISE_INLINE void V(half_errors)(const vise_iq_range *range, const vf *a, const vf *w, vf scale,
                                float shift, vf *errors) {
  vf single[4][8];
  int elements = range->bits == 2 ? 4 : 2;
  for (int code = 0; code < range->codes; code++) {
    vf value = scale * (range->values[code] + shift);
    for (int i = 0; i < elements; i++) {
      vf off = a[i] - value;
      single[i][code] = w[i] * off * off;
    }
  }
  if (range->bits == 3) {
    for (int k = 0; k < 64; k++) errors[k] = single[0][k & 7] + single[1][k >> 3];
    return;
  }
  for (int d = 0; d < 3; d++) {
    for (int c = 0; c < 3; c++) {
      vf upper = single[2][c] + single[3][d];
      for (int b = 0; b < 3; b++) {
        for (int k = 0; k < 3; k++) {
          errors[k + 4 * b + 16 * c + 64 * d] = single[0][k] + single[1][b] + upper;
        }
      }
    }
  }
}

VISE_INLINE vf V(error_at)(const vise_half_errors *errors, uint16_t offset) {
  return *(const vf *)((const char *)errors->low + offset);
}

/// The least error of each lane, and the run it is in.
VISE_INLINE vf V(least_error)(const vise_grid_runs *runs, const vise_half_errors *errors,
                              vi *run) {
  vf best = (vf)INFINITY;
  *run = (vi)0;
  for (int k = 0; k < runs->count; k++) {
    vf least = (vf)INFINITY;
    for (int four = runs->fours[k]; four < runs->fours[k + 1]; four++) {
      const uint16_t *lower = runs->lower + 4 * four;
      vf two = V(smaller)(V(error_at)(errors, lower[0]), V(error_at)(errors, lower[1]));
      vf other = V(smaller)(V(error_at)(errors, lower[2]), V(error_at)(errors, lower[3]));
      least = V(smaller)(V(smaller)(two, other), least);
    }
    vf found = errors->high[runs->upper[k]] + least;
    vi better = found < best;
    best = V(smaller)(found, best);
    *run = better ? (vi)k : *run;
  }
  return best;
}

/// The first point of least error in the run of each lane, and its values.
VISE_INLINE void V(recover_points)(const vise_iq_range *range, const vise_grid_runs *runs,
                                   const vise_half_errors *errors, vi run, float shift,
                                   vi *code, vf *q) {
  int elements = range->bits == 2 ? 8 : 4, mask = (1 << range->bits) - 1;
  int half = range->bits == 2 ? 255 : 63;
  for (int lane = 0; lane < LANES; lane++) {
    int best = runs->first[run[lane]], end = runs->end[run[lane]];
    float least = errors->low[range->points[best] & half][lane];
    for (int point = best + 1; point < end; point++) {
      float found = errors->low[range->points[point] & half][lane];
      best = found < least ? point : best;
      least = found < least ? found : least;
    }
    (*code)[lane] = best;
    for (int i = 0; i < elements; i++) {
      q[i][lane] = range->values[range->points[best] >> range->bits * i & mask] + shift;
    }
  }
}

/// Magnitudes of eight weights and their signs; where the number of negative ones must be even and
/// is not, the weight that loses least has its sign flipped, and then a negative magnitude.
VISE_INLINE vi V(point_signs)(const vise_iq_range *range, const vf *x, const vf *w, vf scale,
                              vf *a) {
  vi signs = (vi)0, odd = (vi)0, flipped = (vi)0;
  vf least = (vf)INFINITY;
  for (int i = 0; i < 8; i++) {
    vi negative = x[i] < 0.0f;
    a[i] = V(magnitude)(x[i]);
    signs |= negative & (vi)(1 << i);
    odd ^= negative;
    if (range->signs != VISE_SIGNS_EVEN) continue;
    vf nearest = (vf)INFINITY;
    for (int code = 0; code < range->codes; code++) {
      vf off = a[i] - scale * range->values[code];
      nearest = V(smaller)(off * off, nearest);
    }
    vf wrong = a[i] + scale * range->values[0];
    vf loss = w[i] * (wrong * wrong - nearest);
    flipped = loss < least ? (vi)i : flipped;
    least = V(smaller)(loss, least);
  }
  if (range->signs != VISE_SIGNS_EVEN) return signs;
  for (int i = 0; i < 8; i++) {
    vi flips = odd & (flipped == (vi)i);
    a[i] = flips ? -a[i] : a[i];
    signs ^= flips & (vi)(1 << i);
  }
  return signs;
}

/// The nearest points at `scale`; fills `fit` but for its errors only where `recovers` is set.
static void V(fit_points)(const vise_tile *tile, const vise_iq_range *range,
                          const vise_grid_runs *runs, vf scale, float shift, int recovers,
                          vise_grid_fit *fit) {
  vise_half_errors errors;
  int half = range->bits == 2 ? 4 : 2;
  fit->error = (vf)0.0f;
  for (int eight = 0; eight < range->length / 8; eight++) {
    const vf *w = tile->w + eight * 8;
    vf a[8];
    vi signs = (vi)(shift < 0.0f);
    memcpy(a, tile->x + eight * 8, sizeof a);
    if (range->signs != VISE_SIGNS_SHIFT) {
      signs = V(point_signs)(range, tile->x + eight * 8, w, scale, a);
    }
    fit->errors[eight] = (vf)0.0f;
    for (int i = 0; i < 8; i += 2 * half) {
      vi run;
      V(half_errors)(range, a + i, w + i, scale, shift, errors.low);
      V(half_errors)(range, a + i + half, w + i + half, scale, shift, errors.high);
      fit->errors[eight] += V(least_error)(runs, &errors, &run);
      if (!recovers) continue;
      V(recover_points)(range, runs, &errors, run, shift, &fit->codes[(eight * 8 + i) / (2 * half)],
                        fit->q + eight * 8 + i);
    }
    fit->error += fit->errors[eight];
    if (!recovers) continue;
    fit->signs[eight] = signs;
    if (range->signs == VISE_SIGNS_SHIFT) continue;
    for (int i = 0; i < 8; i++) {
      vf *q = fit->q + eight * 8 + i;
      *q = (signs >> i & 1) != (vi)0 ? -*q : *q;
    }
  }
}

/// Takes from `other` the lanes, of all eights or of one, where it leaves less error.
VISE_INLINE void V(merge_shifts)(const vise_iq_range *range, vise_grid_fit *fit,
                                 const vise_grid_fit *other) {
  vi whole = other->error < fit->error;
  fit->error = (vf)0.0f;
  for (int eight = 0; eight < range->length / 8; eight++) {
    vi better = range->shared_shift ? whole : other->errors[eight] < fit->errors[eight];
    fit->codes[eight] = better ? other->codes[eight] : fit->codes[eight];
    fit->signs[eight] = better ? other->signs[eight] : fit->signs[eight];
    fit->error += better ? other->errors[eight] : fit->errors[eight];
    for (int i = eight * 8; i < eight * 8 + 8; i++) {
      fit->q[i] = better ? other->q[i] : fit->q[i];
    }
  }
}

/// The nearest points at `scale`, with the better shift where the grid has one.
VISE_INLINE void V(fit_grid)(const vise_tile *tile, const vise_iq_range *range,
                             const vise_grid_runs *runs, vf scale, int recovers,
                             vise_grid_fit *fit) {
  if (range->signs != VISE_SIGNS_SHIFT) {
    V(fit_points)(tile, range, runs, scale, 0.0f, recovers, fit);
    return;
  }
  vise_grid_fit other;
  V(fit_points)(tile, range, runs, scale, 0.125f, recovers, fit);
  V(fit_points)(tile, range, runs, scale, -0.125f, recovers, &other);
  if (recovers) {
    V(merge_shifts)(range, fit, &other);
    return;
  }
  vf error = (vf)0.0f;
  for (int eight = 0; eight < range->length / 8; eight++) {
    error += V(smaller)(fit->errors[eight], other.errors[eight]);
  }
  fit->error = range->shared_shift ? V(smaller)(fit->error, other.error) : error;
}
