#ifndef VISE_CLAPACK_H
#define VISE_CLAPACK_H

#include <stdint.h>

/// Dense linear algebra through OpenBLAS's LAPACK, on row-major float32 matrices.
///
/// All run on the calling thread. `leading` is the distance between rows. Work arrays are allocated
/// inside. Every function returns 0, one of the codes below, or LAPACK's positive `info`, whose
/// meaning is given with the function.
enum {
  /// The library or one of its functions is missing.
  VISE_LAPACK_UNAVAILABLE = -1000,
  /// A work array could not be allocated.
  VISE_LAPACK_NO_MEMORY = -1001,
  /// A size does not fit LAPACK's 32-bit integers.
  VISE_LAPACK_TOO_LARGE = -1002
};

/// Upper triangle of C[n×n] += XᵀX for X[rows×n]; the rest of C is not touched.
int vise_lapack_accumulate_gram(int64_t rows, int64_t n, const float *x, int64_t leading_x,
                                float *c, int64_t leading_c);

/// B[m×n] = op(T)⁻¹·B, or B·op(T)⁻¹ with `on_right`, for a triangular T that is not singular.
int vise_lapack_solve_triangular(int upper, int transpose, int on_right, int64_t m, int64_t n,
                                 const float *t, int64_t leading_t, float *b, int64_t leading_b);

/// B[m×n] = op(T)·B, or B·op(T) with `on_right`, for a triangular T.
int vise_lapack_multiply_triangular(int upper, int transpose, int on_right, int64_t m, int64_t n,
                                    const float *t, int64_t leading_t, float *b,
                                    int64_t leading_b);

/// Lower L with A = L·Lᵀ, over the lower triangle of A[n×n], the only one read or written.
///
/// A positive result is the order of the first leading minor that is not positive.
int vise_lapack_cholesky(int64_t n, float *a, int64_t leading);

/// Inverse of a triangular matrix, in place; a positive result is the place of a zero on the
/// diagonal, counted from 1.
int vise_lapack_invert_triangular(int upper, int64_t n, float *a, int64_t leading);

/// Lower triangle of A⁻¹ from the lower Cholesky factor of A, in place.
int vise_lapack_invert_from_cholesky(int64_t n, float *a, int64_t leading);

/// Eigenvalues of the symmetric A[n×n] in ascending order, and its eigenvectors in the rows of A.
///
/// Reads the upper triangle. A positive result says that the iteration did not converge.
int vise_lapack_symmetric_eigen(int64_t n, float *a, float *values);

/// A[m×n] = U[m×k]·diag(s[k])·Vt[k×n] with k = min(m, n), s descending; A is overwritten.
///
/// All are contiguous. A positive result says that the iteration did not converge.
int vise_lapack_svd(int64_t m, int64_t n, float *a, float *u, float *s, float *vt);

/// A[m×n] = Q[m×k]·R[k×n] with k = min(m, n), R upper triangular; A is overwritten.
int vise_lapack_qr(int64_t m, int64_t n, float *a, float *q, float *r);

#endif
