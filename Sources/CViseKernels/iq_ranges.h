#ifndef VISE_IQ_RANGES_H
#define VISE_IQ_RANGES_H

#include <stdint.h>

/// How the signs of eight weights are stored.
enum {
  VISE_SIGNS_FREE,  // eight bits
  VISE_SIGNS_EVEN,  // seven: the number of negative ones is even
  VISE_SIGNS_SHIFT, // none: the grid has negative points, and all are moved by ±1/8
};

/// A format whose sub-blocks have a scale d · unit · (2 l + 1), and whose weights come in points.
typedef struct {
  const uint16_t *points;          // elements of `bits` bits, the first lowest; ascending
  int count;
  int bits, codes;                 // of an element: width and number of values
  float values[8];                 // of the codes
  int length;                      // weights of a sub-block
  int group;                       // sub-blocks of a super-block
  int signs;
  int shared_shift;                // whether a sub-block has one shift; else each point has
  float unit;
  float top;                       // largest 2 l + 1
  int start_count, weighted_count; // scales tried, as shares of the largest weight; 0: ternary
  float starts[12];
  int rounds;                      // refits of the super-block's scale
} vise_iq_range;

/// The grid by runs of points whose upper halves are equal, in fours of points.
typedef struct {
  int count;
  uint8_t upper[256];             // upper half of each run
  uint16_t first[256], end[256];  // its points
  uint16_t fours[257];            // first four of each run, and the end
  // Where the errors of the lower halves lie; the last of a run is repeated to fill its fours.
  uint16_t lower[2048 + 3 * 256];
} vise_grid_runs;

// Starts chosen for their error on real weights; the first are tried without importance.
#define VISE_IQ2_VALUES {8, 25, 43}
#define VISE_IQ2_STARTS                                                                         \
  4, 10, {1 / 43.0f, 1 / 37.0f, 1 / 48.0f, 1 / 54.0f, 1 / 32.0f, 1 / 61.0f, 1 / 70.0f,          \
          1 / 28.0f, 1 / 80.0f, 1 / 95.0f}

static const vise_iq_range vise_iq2_xxs_range = {
    vise_iq2_xxs_grid, 256, 2, 3, VISE_IQ2_VALUES, 32, 8, VISE_SIGNS_EVEN, 0, 0.125f, 31,
    VISE_IQ2_STARTS, 1};
static const vise_iq_range vise_iq2_xs_range = {
    vise_iq2_xs_grid, 512, 2, 3, VISE_IQ2_VALUES, 16, 16, VISE_SIGNS_EVEN, 0, 0.125f, 31,
    VISE_IQ2_STARTS, 1};
static const vise_iq_range vise_iq2_s_range = {
    vise_iq2_s_grid, 1024, 2, 3, VISE_IQ2_VALUES, 16, 16, VISE_SIGNS_FREE, 0, 0.125f, 31,
    VISE_IQ2_STARTS, 1};
static const vise_iq_range vise_iq3_xxs_range = {
    vise_iq3_xxs_grid, 256, 3, 8, {4, 12, 20, 28, 36, 44, 52, 62}, 32, 8, VISE_SIGNS_EVEN, 0,
    0.25f, 31, 4, 10,
    {1 / 62.0f, 1 / 56.0f, 1 / 68.0f, 1 / 50.0f, 1 / 75.0f, 1 / 44.0f, 1 / 84.0f, 1 / 95.0f,
     1 / 40.0f, 1 / 110.0f}, 1};
static const vise_iq_range vise_iq3_s_range = {
    vise_iq3_s_grid, 512, 3, 8, {1, 3, 5, 7, 9, 11, 13, 15}, 32, 8, VISE_SIGNS_FREE, 0, 1, 31,
    4, 10,
    {1 / 15.0f, 1 / 14.0f, 1 / 16.0f, 1 / 13.0f, 1 / 17.5f, 1 / 12.0f, 1 / 19.0f, 1 / 21.0f,
     1 / 11.0f, 1 / 24.0f}, 1};
static const vise_iq_range vise_iq1_s_range = {
    vise_iq1_grid, 2048, 2, 3, {-1, 0, 1}, 32, 8, VISE_SIGNS_SHIFT, 1, 1, 15, 0, 0, {0},
    0};
static const vise_iq_range vise_iq1_m_range = {
    vise_iq1_grid, 2048, 2, 3, {-1, 0, 1}, 16, 16, VISE_SIGNS_SHIFT, 0, 1, 15, 0, 0, {0},
    0};
#undef VISE_IQ2_VALUES
#undef VISE_IQ2_STARTS

#endif
