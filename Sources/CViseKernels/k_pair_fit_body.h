// Fits of super-blocks whose sub-blocks have a scale and a minimum: value = d·sc·q − dmin·mn.
// Included by encode_k_pair_body.h. A lane is a sub-block; `group` lanes share d and dmin.

#ifndef VISE_PAIR_TYPES
#define VISE_PAIR_TYPES

/// Sums over the codes of a lane: Σw, Σwx, Σwq, Σwq², Σwxq.
typedef struct {
  vf w, x, q, qq, xq;
} vise_pair_sums;

/// A fit of a lane's super-block, and the error it leaves in the lane.
typedef struct {
  vf d, dmin, sc, mn, error;
} vise_pair_fit;
#endif

/// The codes of scale `s` and minimum `m`, summed; returns the error.
VISE_INLINE vf V(pair_error)(const vise_tile *tile, int weighted, const vise_pair_range *range,
                             vf s, vf m) {
  vf inverse = V(inverse)(s), error = (vf)0.0f;
  for (int i = 0; i < range->length; i++) {
    vf q = V(clamped)(V(nearest)((tile->x[i] + m) * inverse), 0.0f, range->codes);
    vf off = tile->x[i] - (s * q - m);
    error += weighted ? tile->w[i] * off * off : off * off;
  }
  return error;
}

VISE_INLINE vise_pair_sums V(pair_sums)(const vise_tile *tile, int weighted,
                                        const vise_pair_range *range, vf inverse, vf m) {
  vise_pair_sums sums = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};
  for (int i = 0; i < range->length; i++) {
    vf q = V(clamped)(V(nearest)((tile->x[i] + m) * inverse), 0.0f, range->codes);
    vf wq = weighted ? tile->w[i] * q : q;
    sums.w += weighted ? tile->w[i] : (vf)1.0f;
    sums.x += weighted ? tile->w[i] * tile->x[i] : tile->x[i];
    sums.q += wq;
    sums.qq += wq * q;
    sums.xq += wq * tile->x[i];
  }
  return sums;
}

/// The least-squares scale and minimum ≥ 0 for the codes summed; returns Σwx² less their error.
VISE_INLINE vf V(pair_refit)(const vise_pair_sums *sums, vf *s, vf *m) {
  vf per_w = 1.0f / sums->w;
  vf spread = sums->qq - sums->q * sums->q * per_w;
  vf free_s = (sums->xq - sums->x * sums->q * per_w) * V(inverse)(spread);
  vf free_m = (free_s * sums->q - sums->x) * per_w;
  vi bound = (free_m < 0.0f) | (spread <= 0.0f);
  vf bound_s = V(larger)(sums->xq * V(inverse)(sums->qq), (vf)0.0f);
  *s = bound ? bound_s : free_s;
  *m = bound ? (vf)0.0f : free_m;
  return *s * sums->xq - *m * sums->x;
}

/// The best unquantized scale and minimum of each lane, from the range's starts.
VISE_INLINE void V(pair_start)(const vise_tile *tile, int weighted, const vise_pair_range *range,
                               vf *best_s, vf *best_m) {
  int starts = weighted ? range->weighted_count : range->start_count;
  vf low = (vf)0.0f, high = tile->x[0];
  for (int i = 0; i < range->length; i++) {
    low = V(smaller)(tile->x[i], low);
    high = V(larger)(tile->x[i], high);
  }
  vf step = (high - low) * (1.0f / range->codes), per_span = V(inverse)(high - low);
  vf gain = (vf)-1.0f;
  *best_s = *best_m = (vf)0.0f;
  for (int k = 0; k < starts; k++) {
    vf inverse = per_span * (range->codes + range->spans[k]);
    vf m = -(low + step * range->shifts[k]), s;
    vise_pair_sums sums = V(pair_sums)(tile, weighted, range, inverse, m);
    vf found = V(pair_refit)(&sums, &s, &m);
    // Earlier starts win ties: on data that was on a grid already, theirs is the grid it was on.
    vi better = found > gain * 1.000004f;
    gain = better ? found : gain;
    *best_s = better ? s : *best_s;
    *best_m = better ? m : *best_m;
  }
  vise_pair_sums sums = V(pair_sums)(tile, weighted, range, V(inverse)(*best_s), *best_m);
  V(pair_refit)(&sums, best_s, best_m);
}

/// The half-float unit whose multiples up to `top` hit `targets` best, weighed by `costs`.
VISE_INLINE vf V(best_unit)(vf targets, vf costs, float top, int group) {
  vf largest = V(group_largest)(targets, group), best = (vf)0.0f, error = (vf)INFINITY;
  const float step = top > 16.0f ? 1.0f : 0.25f;
  for (int k = 0; k < 24; k++) {
    vf unit = V(half_rounded)(largest * (1.0f / (top - (float)k * step)));
    vf multiple = V(clamped)(V(nearest)(targets * V(inverse)(unit)), 0.0f, top);
    vf off = targets - unit * multiple;
    vf found = V(group_sum)(costs * off * off, group);
    best = found < error ? unit : best;
    error = V(smaller)(found, error);
  }
  return best;
}

/// Tries the quantized scales near s, and for each the minima near its best, with real codes.
VISE_INLINE void V(pair_search)(const vise_tile *tile, int weighted, const vise_pair_range *range,
                                const vise_pair_sums *sums, vf s, vise_pair_fit *fit) {
  vf per_d = V(inverse)(fit->d), per_dmin = V(inverse)(fit->dmin), per_w = 1.0f / sums->w;
  vf center = V(nearest)(s * per_d);
  fit->error = (vf)INFINITY;
  fit->sc = fit->mn = (vf)0.0f;
  for (int i = -range->reach; i <= range->reach; i++) {
    vf sc = V(clamped)(center + (float)i, 0.0f, range->scales);
    vf minimum = (fit->d * sc * sums->q - sums->x) * per_w;
    vf middle = V(nearest)(minimum * per_dmin);
    for (int j = -1; j <= 1; j++) {
      vf mn = V(clamped)(middle + (float)j, 0.0f, range->scales);
      vf found = V(pair_error)(tile, weighted, range, fit->d * sc, fit->dmin * mn);
      vi better = found < fit->error;
      fit->error = better ? found : fit->error;
      fit->sc = better ? sc : fit->sc;
      fit->mn = better ? mn : fit->mn;
    }
  }
}

/// The least-squares d and dmin of each super-block for its codes, quantized scales and minima.
VISE_INLINE void V(pair_units)(const vise_pair_sums *sums, vise_pair_fit *fit, int group) {
  vf uu = V(group_sum)(fit->sc * fit->sc * sums->qq, group);
  vf uv = V(group_sum)(fit->sc * fit->mn * sums->q, group);
  vf vv = V(group_sum)(fit->mn * fit->mn * sums->w, group);
  vf xu = V(group_sum)(fit->sc * sums->xq, group), xv = V(group_sum)(fit->mn * sums->x, group);
  vf determinant = uu * vv - uv * uv;
  vi regular = determinant > 1e-6f * uu * vv;
  vf per = V(inverse)(determinant);
  vf d = regular ? (xu * vv - xv * uv) * per : xu * V(inverse)(uu);
  vf dmin = regular ? (xu * uv - xv * uu) * per : fit->dmin;
  fit->d = V(half_rounded)(V(larger)(d, (vf)0.0f));
  fit->dmin = V(half_rounded)(V(larger)(dmin, (vf)0.0f));
}

/// Keeps in `best` whichever fit of each super-block leaves less error.
VISE_INLINE void V(keep_pair)(vise_pair_fit *best, const vise_pair_fit *fit, int group) {
  vi better = V(group_sum)(fit->error, group) < V(group_sum)(best->error, group);
  best->d = better ? fit->d : best->d;
  best->dmin = better ? fit->dmin : best->dmin;
  best->sc = better ? fit->sc : best->sc;
  best->mn = better ? fit->mn : best->mn;
  best->error = better ? fit->error : best->error;
}

VISE_INLINE vise_pair_fit V(fit_pairs)(const vise_tile *tile, int weighted,
                                       const vise_pair_range *range) {
  vise_pair_fit fit;
  vf s, m;
  V(pair_start)(tile, weighted, range, &s, &m);
  vise_pair_sums sums = V(pair_sums)(tile, weighted, range, V(inverse)(s), m);
  vf spread = sums.qq - sums.q * sums.q / sums.w;
  fit.d = V(best_unit)(s, spread, range->scales, range->group);
  vf sc = V(clamped)(V(nearest)(s * V(inverse)(fit.d)), 0.0f, range->scales);
  vf minimum = V(larger)((fit.d * sc * sums.q - sums.x) / sums.w, (vf)0.0f);
  fit.dmin = V(best_unit)(minimum, sums.w, range->scales, range->group);
  V(pair_search)(tile, weighted, range, &sums, s, &fit);
  vise_pair_fit best = fit;
  for (int round = 0; round < range->rounds; round++) {
    s = fit.d * fit.sc;
    sums = V(pair_sums)(tile, weighted, range, V(inverse)(s), fit.dmin * fit.mn);
    V(pair_units)(&sums, &fit, range->group);
    V(pair_refit)(&sums, &s, &m);
    V(pair_search)(tile, weighted, range, &sums, s, &fit);
    V(keep_pair)(&best, &fit, range->group);
  }
  return best;
}
