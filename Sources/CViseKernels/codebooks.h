#ifndef VISE_CODEBOOKS_H
#define VISE_CODEBOOKS_H

#include <stdint.h>

/// The sixteen values of IQ4_NL and IQ4_XS.
static const int8_t vise_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                           1,    13,   25,  38,  53,  69,  89,  113};

/// Twice the sixteen values of the e2m1 float, as MXFP4 uses them.
static const int8_t vise_e2m1_doubled[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                             0, -1, -2, -3, -4, -6, -8, -12};

#endif
