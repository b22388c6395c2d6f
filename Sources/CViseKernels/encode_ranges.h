#ifndef VISE_ENCODE_RANGES_H
#define VISE_ENCODE_RANGES_H

/// Codes low … high; `starts` are the codes that the block's extreme value is first put at.
///
/// Without importance the first `start_count` starts are tried, with it `weighted_count`: then the
/// best scale is further from the extremes, and the peers take their time as well.
typedef struct {
  float low, high;
  int start_count, weighted_count;
  float starts[16];
} vise_symmetric_range;

/// Codes 0 … high; a start stretches the range by `spans` steps and moves it by `shifts` of them.
typedef struct {
  float high;
  int start_count, weighted_count;
  float spans[32], shifts[32];
} vise_shifted_range;

// Starts chosen for their error on Gaussian, Laplace and real weights, at the cost of few passes.
static const vise_symmetric_range vise_q4_0_range = {
    -8, 7, 6, 12,
    {-8.0f, -7.3f, -8.7f, -6.7f, 7.0f, -9.4f, -10.2f, -11.2f, 7.8f, 8.6f, -7.7f, -12.5f}};
static const vise_symmetric_range vise_q5_0_range = {
    -16, 15, 6, 12,
    {-16, -15.3f, -16.7f, -14.6f, 15, -17.4f, -18.3f, -19.5f, 15.8f, -21, 17, -23}};
static const vise_symmetric_range vise_q8_0_range = {
    -127, 127, 3, 8, {-127, -126, -127.5f, -125, -128.5f, -130, -133, -137}};
static const vise_symmetric_range vise_iq4_nl_range = {
    -127, 113, 12, 16,
    {-127, -121, -133, -115, -109, -103, -140, 113, 107, 101, 119, 95, -150, -162, -177, 130}};
static const vise_shifted_range vise_q4_1_range = {
    15, 3, 30,
    {0, 1.1f, -0.8f, 2.2f, 1, 1, 2, 2, 3, 3, 3, 4.5f, 4.5f, 4.5f, -0.9f, -0.7f, -0.5f, -0.3f,
     -0.15f, 0.15f, 0.3f, 0.5f, 0.7f, 0.85f, 1.3f, 1.6f, 0.5f, -0.5f, 0.5f, -0.5f},
    {0, 0.55f, -0.4f, 1.1f, 0, 1, 0, 2, 0, 1.5f, 3, 0, 2.25f, 4.5f, 0, 0, 0, 0,
     0, 0, 0, 0, 0, 0, 0, 0, 0.5f, -0.5f, 0.25f, -0.25f}};
static const vise_shifted_range vise_q5_1_range = {
    31, 4, 30,
    {0, -1, 0.8f, 1.6f, 1.6f, 1.6f, 3, 3, 3, 5, 5, 5, 8, 2.4f, -0.9f, -0.7f, -0.5f, -0.3f,
     -0.15f, 0.15f, 0.3f, 0.5f, 0.7f, 0.85f, 1.3f, 1.6f, 0.5f, -0.5f, 0.5f, -0.5f},
    {0, 0, 0.4f, 0.8f, 0, 1.6f, 0, 1.5f, 3, 0, 2.5f, 5, 4, 1.2f, 0, 0, 0, 0,
     0, 0, 0, 0, 0, 0, 0, 0, 0.5f, -0.5f, 0.25f, -0.25f}};

#endif
