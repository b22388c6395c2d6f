#include "clapack.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blas_symbol.h"

// A row-major matrix is the transpose of the column-major one LAPACK sees in the same memory, so
// "lower" and "upper" change places, as do left and right factors. Fortran passes the length of
// each character argument behind the others.

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };
enum { UPPER = 121, LOWER = 122, NON_UNIT = 131, LEFT = 141, RIGHT = 142 };

static int fits(int64_t a) { return a >= 0 && a <= INT_MAX; }

static int at_least_one(int64_t n) { return n > 1 ? (int)n : 1; }

/// The size LAPACK asks for in a float, rounded up: above 2²⁴ a float holds no odd number.
static int64_t asked(float size) { return (int64_t)(size * (1 + 0x1p-22f)) + 1; }

static void *work_array(int64_t count, size_t size) {
  size_t bytes = ((size_t)(count > 0 ? count : 1) * size + 63) / 64 * 64;
  return aligned_alloc(64, bytes);
}

int vise_lapack_accumulate_gram(int64_t rows, int64_t n, const float *x, int64_t leading_x,
                                float *c, int64_t leading_c) {
  void (*ssyrk)(int, int, int, int, int, float, const float *, int, float, float *, int) =
      vise_blas_symbol("cblas_ssyrk");
  if (!ssyrk) return VISE_LAPACK_UNAVAILABLE;
  if (!fits(rows) || !fits(n) || !fits(leading_x) || !fits(leading_c)) return VISE_LAPACK_TOO_LARGE;
  if (rows == 0 || n == 0) return 0;
  ssyrk(ROW_MAJOR, UPPER, TRANSPOSE, (int)n, (int)rows, 1, x, (int)leading_x, 1, c,
        (int)leading_c);
  return 0;
}

typedef void (*triangular_function)(int, int, int, int, int, int, int, float, const float *, int,
                                    float *, int);

static int triangular(triangular_function function, int upper, int transpose, int on_right,
                      int64_t m, int64_t n, const float *t, int64_t leading_t, float *b,
                      int64_t leading_b) {
  if (!function) return VISE_LAPACK_UNAVAILABLE;
  if (!fits(m) || !fits(n) || !fits(leading_t) || !fits(leading_b)) return VISE_LAPACK_TOO_LARGE;
  if (m == 0 || n == 0) return 0;
  function(ROW_MAJOR, on_right ? RIGHT : LEFT, upper ? UPPER : LOWER,
           transpose ? TRANSPOSE : NO_TRANSPOSE, NON_UNIT, (int)m, (int)n, 1, t, (int)leading_t, b,
           (int)leading_b);
  return 0;
}

int vise_lapack_solve_triangular(int upper, int transpose, int on_right, int64_t m, int64_t n,
                                 const float *t, int64_t leading_t, float *b, int64_t leading_b) {
  return triangular((triangular_function)vise_blas_symbol("cblas_strsm"), upper, transpose,
                    on_right, m, n, t, leading_t, b, leading_b);
}

int vise_lapack_multiply_triangular(int upper, int transpose, int on_right, int64_t m, int64_t n,
                                    const float *t, int64_t leading_t, float *b,
                                    int64_t leading_b) {
  return triangular((triangular_function)vise_blas_symbol("cblas_strmm"), upper, transpose,
                    on_right, m, n, t, leading_t, b, leading_b);
}

int vise_lapack_cholesky(int64_t n, float *a, int64_t leading) {
  void (*spotrf)(const char *, const int *, float *, const int *, int *, size_t) =
      vise_blas_symbol("spotrf_");
  if (!spotrf) return VISE_LAPACK_UNAVAILABLE;
  if (!fits(n) || !fits(leading)) return VISE_LAPACK_TOO_LARGE;
  int order = (int)n, lead = at_least_one(leading), info = 0;
  spotrf("U", &order, a, &lead, &info, 1);
  return info;
}

int vise_lapack_invert_triangular(int upper, int64_t n, float *a, int64_t leading) {
  void (*strtri)(const char *, const char *, const int *, float *, const int *, int *, size_t,
                 size_t) = vise_blas_symbol("strtri_");
  if (!strtri) return VISE_LAPACK_UNAVAILABLE;
  if (!fits(n) || !fits(leading)) return VISE_LAPACK_TOO_LARGE;
  int order = (int)n, lead = at_least_one(leading), info = 0;
  strtri(upper ? "L" : "U", "N", &order, a, &lead, &info, 1, 1);
  return info;
}

int vise_lapack_invert_from_cholesky(int64_t n, float *a, int64_t leading) {
  void (*spotri)(const char *, const int *, float *, const int *, int *, size_t) =
      vise_blas_symbol("spotri_");
  if (!spotri) return VISE_LAPACK_UNAVAILABLE;
  if (!fits(n) || !fits(leading)) return VISE_LAPACK_TOO_LARGE;
  int order = (int)n, lead = at_least_one(leading), info = 0;
  spotri("U", &order, a, &lead, &info, 1);
  return info;
}

int vise_lapack_symmetric_eigen(int64_t n, float *a, float *values) {
  void (*ssyevd)(const char *, const char *, const int *, float *, const int *, float *, float *,
                 const int *, int *, const int *, int *, size_t, size_t) =
      vise_blas_symbol("ssyevd_");
  if (!ssyevd) return VISE_LAPACK_UNAVAILABLE;
  if (n == 0) return 0;
  // Divide and conquer wants 1 + 6n + 2n² floats, which must fit an int.
  if (!fits(n) || !fits(1 + 6 * n + 2 * n * n)) return VISE_LAPACK_TOO_LARGE;
  int order = (int)n, query = -1, info = 0, integer_size = 0;
  float size = 0;
  ssyevd("V", "L", &order, a, &order, values, &size, &query, &integer_size, &query, &info, 1, 1);
  if (info != 0) return info;
  int64_t wanted = asked(size), least = 1 + 6 * n + 2 * n * n;
  int work_count = (int)(wanted > least && wanted <= INT_MAX ? wanted : least);
  float *work = work_array(work_count, sizeof(float));
  int *integers = work_array(integer_size, sizeof(int));
  if (work && integers) {
    ssyevd("V", "L", &order, a, &order, values, work, &work_count, integers, &integer_size, &info,
           1, 1);
  } else {
    info = VISE_LAPACK_NO_MEMORY;
  }
  free(work);
  free(integers);
  return info;
}

int vise_lapack_svd(int64_t m, int64_t n, float *a, float *u, float *s, float *vt) {
  void (*sgesdd)(const char *, const int *, const int *, float *, const int *, float *, float *,
                 const int *, float *, const int *, float *, const int *, int *, int *, size_t) =
      vise_blas_symbol("sgesdd_");
  if (!sgesdd) return VISE_LAPACK_UNAVAILABLE;
  int64_t k = m < n ? m : n;
  if (k == 0) return 0;
  if (!fits(m) || !fits(n) || !fits(8 * k) || k > 16384) return VISE_LAPACK_TOO_LARGE;
  // LAPACK sees Aᵀ = V·S·Uᵀ, n × m: its left vectors are our Vt, its right ones our U.
  int rows = (int)n, columns = (int)m, inner = (int)k, query = -1, info = 0, ignored = 0;
  float size = 0;
  sgesdd("S", &rows, &columns, a, &rows, s, vt, &rows, u, &inner, &size, &query, &ignored, &info,
         1);
  if (info != 0) return info;
  int64_t wanted = asked(size);
  if (!fits(wanted)) return VISE_LAPACK_TOO_LARGE;
  int work_count = (int)wanted;
  float *work = work_array(work_count, sizeof(float));
  int *integers = work_array(8 * k, sizeof(int));
  if (work && integers) {
    sgesdd("S", &rows, &columns, a, &rows, s, vt, &rows, u, &inner, work, &work_count, integers,
           &info, 1);
  } else {
    info = VISE_LAPACK_NO_MEMORY;
  }
  free(work);
  free(integers);
  return info;
}

typedef void (*factor_function)(const int *, const int *, float *, const int *, float *, float *,
                                const int *, int *);
typedef void (*orthogonal_function)(const int *, const int *, const int *, float *, const int *,
                                    const float *, float *, const int *, int *);

int vise_lapack_qr(int64_t m, int64_t n, float *a, float *q, float *r) {
  // LAPACK sees Aᵀ[n×m] = L·Qᵀ, whose L is our R read by columns.
  factor_function sgelqf = (factor_function)vise_blas_symbol("sgelqf_");
  orthogonal_function sorglq = (orthogonal_function)vise_blas_symbol("sorglq_");
  if (!sgelqf || !sorglq) return VISE_LAPACK_UNAVAILABLE;
  int64_t k = m < n ? m : n;
  if (k == 0) return 0;
  if (!fits(m) || !fits(n) || !fits(64 * (m > n ? m : n))) return VISE_LAPACK_TOO_LARGE;
  int rows = (int)n, columns = (int)m, inner = (int)k, info = 0;
  int work_count = 64 * (int)(m > n ? m : n);
  float *work = work_array(work_count, sizeof(float));
  float *tau = work_array(k, sizeof(float));
  if (!work || !tau) info = VISE_LAPACK_NO_MEMORY;
  if (info == 0) sgelqf(&rows, &columns, a, &rows, tau, work, &work_count, &info);
  if (info == 0) {
    for (int64_t i = 0; i < k; i++) {
      for (int64_t j = 0; j < n; j++) r[i * n + j] = j >= i ? a[i * n + j] : 0;
    }
    for (int64_t column = 0; column < m; column++) {
      memcpy(q + column * k, a + column * n, (size_t)k * sizeof(float));
    }
    sorglq(&inner, &columns, &inner, q, &inner, tau, work, &work_count, &info);
  }
  free(work);
  free(tau);
  return info;
}
