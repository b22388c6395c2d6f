#ifndef CIMAGES_H
#define CIMAGES_H

#include <stddef.h>
#include <stdint.h>

/* Results of ci_decode. */
enum {
  CI_OK = 0,
  /* Neither PNG nor JPEG by its first bytes. */
  CI_UNKNOWN = 1,
  /* More pixels than allowed; nothing was allocated for them. */
  CI_TOO_LARGE = 2,
  /* Cut short, or not what the format says. */
  CI_DAMAGED = 3,
  CI_NO_MEMORY = 4,
};

/* Width × height pixels of red, green and blue bytes, row after row. */
typedef struct {
  int32_t width;
  int32_t height;
  uint8_t *pixels;
} ci_image;

/* Decodes the PNG or JPEG in bytes[0..<count], which has at most pixel_limit pixels.
 *
 * On CI_OK the pixels are the caller's, to be released with ci_free; else image is zero. Transparency
 * is left out; grey becomes three equal bytes. Prints nothing, keeps no state, may run on any thread. */
int ci_decode(const uint8_t *bytes, size_t count, int64_t pixel_limit, ci_image *image);

void ci_free(ci_image *image);

#endif
