#ifndef VISE_ENCODE_RANGES_H
#define VISE_ENCODE_RANGES_H

/// Codes low … high; `starts` are the codes that the block's extreme value is first put at.
typedef struct {
  float low, high;
  int start_count;
  float starts[16];
} vise_symmetric_range;

/// Codes 0 … high; a start stretches the range by `spans` steps and moves it by `shifts` of them.
typedef struct {
  float high;
  int start_count;
  float spans[12], shifts[12];
} vise_shifted_range;

// Starts chosen for their error on Gaussian, Laplace and real weights, at the cost of few passes.
static const vise_symmetric_range vise_q4_0_range = {
    -8, 7, 6, {-8.0f, -7.3f, -8.7f, -6.7f, 7.0f, -9.4f}};
static const vise_symmetric_range vise_q5_0_range = {
    -16, 15, 6, {-16.0f, -15.3f, -16.7f, -14.6f, 15.0f, -17.4f}};
static const vise_symmetric_range vise_q8_0_range = {-127, 127, 3, {-127.0f, -126.0f, -127.5f}};
static const vise_symmetric_range vise_iq4_nl_range = {
    -127, 113, 12, {-127, -121, -133, -115, -109, -103, -140, 113, 107, 101, 119, 95}};
static const vise_shifted_range vise_q4_1_range = {
    15, 3, {0, 1.1f, -0.8f}, {0, 0.55f, -0.4f}};
static const vise_shifted_range vise_q5_1_range = {
    31, 4, {0, -1, 0.8f, 1.6f}, {0, 0, 0.4f, 0.8f}};

#endif
