#ifndef VISE_K_RANGES_H
#define VISE_K_RANGES_H

/// A k-quant whose sub-blocks have a scale and a minimum.
typedef struct {
  int length;                      // weights of a sub-block
  int group;                       // sub-blocks of a super-block
  float codes, scales;             // largest code; largest quantized scale and minimum
  int start_count, weighted_count; // as in vise_shifted_range
  float spans[16], shifts[16];
  int reach;                       // quantized scales tried on each side
  int rounds;                      // refits of the super-block's two scales
} vise_pair_range;

/// A format whose sub-blocks have a signed scale.
typedef struct {
  int length;                      // weights of a sub-block
  int group;                       // sub-blocks of a super-block
  int is_codebook;                 // whether values are those of IQ4; else integers
  float low, high;                 // smallest and largest value
  float scale_low, scale_high;     // quantized scales
  int start_count, weighted_count; // as in vise_symmetric_range
  float starts[16];
  int reach, rounds;
} vise_single_range;

static const vise_pair_range vise_q2_k_range = {
    16, 16, 3, 15, 8, 14,
    {0, 0.5f, 0.9f, 0.5f, 1.4f, -0.4f, 0.9f, 0.5f, 1.4f, 1.4f, 2, 2, 0.7f, 0.25f},
    {0, 0.25f, 0.45f, 0, 0.7f, -0.2f, 0.1f, 0.5f, 0.2f, 1.2f, 1, 0.4f, 0.35f, 0}, 1, 2};
static const vise_pair_range vise_q4_k_range = {
    32, 8, 15, 63, 7, 14,
    {0, -1, -1, 0.8f, 1.6f, 2.4f, -2, 1.5f, 1.5f, 3, 3, 3, 4.5f, 4.5f},
    {0, 0, -1.07f, 0.4f, 0.8f, 1.2f, 0, 0, 1.5f, 0, 1.5f, 3, 1, 3.5f}, 2, 1};
static const vise_pair_range vise_q5_k_range = {
    32, 8, 31, 63, 7, 14,
    {0, -1, -1, 0.8f, 1.6f, 2.4f, -2, 2, 2, 4, 4, 4, 7, 7},
    {0, 0, -1.03f, 0.4f, 0.8f, 1.2f, 0, 0, 2, 0, 2, 4, 2, 5}, 2, 1};
static const vise_single_range vise_q3_k_range = {
    16, 16, 0, -4, 3, -32, 31, 6, 14,
    {-4, -3.4f, -4.5f, -2.9f, 3, 2.6f, -5.2f, 3.4f, -3.7f, -4.2f, -6, 4, -4.8f, -7}, 1, 1};
static const vise_single_range vise_q6_k_range = {
    16, 16, 0, -32, 31, -128, 127, 4, 9,
    {-32, -31.4f, -32.6f, 31, -33.4f, -34.5f, -36, 32, 33.5f}, 2, 1};
static const vise_single_range vise_iq4_xs_range = {
    32, 8, 1, -127, 113, -32, 31, 8, 16,
    {-127, -121, -133, -115, 113, 107, -109, -140, 101, 119, -103, 95, -150, -162, -177, 130},
    1, 1};

#endif
