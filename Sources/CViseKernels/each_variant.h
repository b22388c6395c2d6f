// Compiles the file VISE_BODY once per instruction set. Included by the .c files, without a guard.
//
// The bodies are written with clang's vector types, sixteen lanes wide, and pass them between
// functions by value; those functions are static, so no calling convention leaves the file.
#include "variants.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

#define VISE_VARIANT portable
#include VISE_BODY
#undef VISE_VARIANT

#if defined(__x86_64__)
// Lets the bodies round and look bytes up with one instruction.
#define VISE_AVX
#define VISE_VARIANT avx2
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#include VISE_BODY
#pragma clang attribute pop
#undef VISE_VARIANT

// Thirty-two registers of sixteen lanes.
#define VISE_WIDE
#define VISE_VARIANT avx512
#pragma clang attribute push(                                                              \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#include VISE_BODY
#pragma clang attribute pop
#undef VISE_VARIANT
#undef VISE_WIDE
#undef VISE_AVX
#endif

#pragma clang diagnostic pop
#undef VISE_BODY
