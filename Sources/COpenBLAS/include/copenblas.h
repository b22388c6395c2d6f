#ifndef VISE_COPENBLAS_H
#define VISE_COPENBLAS_H

#include <stdint.h>

/// Loads OpenBLAS, choosing the kernels of this CPU, and leaves it single-threaded.
///
/// OpenBLAS picks its kernels when it is loaded and takes CPUs newer than itself for older ones;
/// loading it here, after telling it the core type, is what makes the fast ones run without the
/// user setting anything. OPENBLAS_CORETYPE is overridden, since images and job schedulers set it
/// for the oldest machine they serve; VISE_BLAS_CORE is how a user chooses. Safe to call from any thread,
/// any number of times. Returns 0, or -1 where the library cannot be loaded.
int vise_blas_load(void);

/// The library's name for the core its kernels are for; "none" before it is loaded.
const char *vise_blas_core_name(void);

/// What the loader said when `vise_blas_load` failed; empty otherwise.
const char *vise_blas_error(void);

/// C[m×n] = alpha · A[m×k] · op(B) + beta · C, row-major, on the calling thread.
///
/// `leading_*` are the distances between rows. op(B) is B[k×n], or B[n×k]ᵀ with `transpose_b`.
/// Requires that `vise_blas_load` returned 0.
void vise_blas_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                     const float *a, int64_t leading_a, const float *b, int64_t leading_b,
                     float beta, float *c, int64_t leading_c);

#endif
