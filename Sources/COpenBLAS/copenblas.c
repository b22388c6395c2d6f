#include "copenblas.h"

#include "blas_symbol.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

typedef void (*sgemm_function)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                               float alpha, const float *a, int lda, const float *b, int ldb,
                               float beta, float *c, int ldc);
typedef void (*set_threads_function)(int);
typedef char *(*core_name_function)(void);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;
static sgemm_function sgemm;
static core_name_function core_name;
static char error_text[256];

/// The newest core type of the packaged OpenBLAS that this CPU can run; NULL leaves the choice to it.
static const char *best_core_type(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SKYLAKEX";
#endif
  return NULL;
}

static void load(void) {
  const char *wanted = getenv("VISE_BLAS_CORE");
  const char *core = wanted && *wanted ? wanted : best_core_type();
  if (core) setenv("OPENBLAS_CORETYPE", core, 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(error_text, sizeof error_text, "%s", reason ? reason : "unknown reason");
    return;
  }
  set_threads_function set_threads =
      (set_threads_function)dlsym(library, "openblas_set_num_threads");
  core_name = (core_name_function)dlsym(library, "openblas_get_corename");
  sgemm = (sgemm_function)dlsym(library, "cblas_sgemm");
  if (set_threads) set_threads(1);
  if (!sgemm) snprintf(error_text, sizeof error_text, "libopenblas.so.0 has no cblas_sgemm");
}

int vise_blas_load(void) {
  pthread_once(&once, load);
  return sgemm ? 0 : -1;
}

void *vise_blas_symbol(const char *name) {
  return vise_blas_load() == 0 ? dlsym(library, name) : NULL;
}

const char *vise_blas_core_name(void) { return core_name ? core_name() : "none"; }

const char *vise_blas_error(void) { return error_text; }

void vise_blas_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                     const float *a, int64_t leading_a, const float *b, int64_t leading_b,
                     float beta, float *c, int64_t leading_c) {
  sgemm(ROW_MAJOR, transpose_a ? TRANSPOSE : NO_TRANSPOSE, transpose_b ? TRANSPOSE : NO_TRANSPOSE,
        (int)m, (int)n, (int)k, alpha, a, (int)leading_a, b, (int)leading_b, beta, c,
        (int)leading_c);
}
