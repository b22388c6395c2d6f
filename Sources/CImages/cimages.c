#include "cimages.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

static int is_too_large(int64_t width, int64_t height, int64_t pixel_limit) {
  return width <= 0 || height <= 0 || width > INT32_MAX || height > INT32_MAX ||
         width > pixel_limit / height;
}

static int decode_png(const uint8_t *bytes, size_t count, int64_t pixel_limit, ci_image *image) {
  png_image png;
  memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes, count)) {
    png_image_free(&png);
    return CI_DAMAGED;
  }
  if (is_too_large(png.width, png.height, pixel_limit)) {
    png_image_free(&png);
    return CI_TOO_LARGE;
  }
  png.format = PNG_FORMAT_RGBA;
  /* Else libpng takes 16 bits that say nothing of their gamma for linear light. */
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  size_t pixels = (size_t)png.width * png.height;
  uint8_t *data = malloc(pixels * 4);
  if (data == NULL) {
    png_image_free(&png);
    return CI_NO_MEMORY;
  }
  /* An error frees png; a warning, such as of a bad checksum, leaves doubt about the pixels. */
  if (!png_image_finish_read(&png, NULL, data, 0, NULL) || png.warning_or_error != 0) {
    png_image_free(&png);
    free(data);
    return CI_DAMAGED;
  }
  for (size_t index = 0; index < pixels; index++) memmove(data + 3 * index, data + 4 * index, 3);
  image->width = (int32_t)png.width;
  image->height = (int32_t)png.height;
  image->pixels = data;
  return CI_OK;
}

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf escape;
} jpeg_trap;

static void leave(j_common_ptr info) { longjmp(((jpeg_trap *)info->err)->escape, 1); }

static void say_nothing(j_common_ptr info) { (void)info; }

/* A small file can ask for thousands of passes over a large image. */
static void watch_scans(j_common_ptr info) {
  if (((j_decompress_ptr)info)->input_scan_number > 200) leave(info);
}

static int decode_jpeg(const uint8_t *bytes, size_t count, int64_t pixel_limit, ci_image *image) {
  struct jpeg_decompress_struct info;
  struct jpeg_progress_mgr progress;
  jpeg_trap trap;
  uint8_t *volatile data = NULL;
  memset(&info, 0, sizeof info);
  memset(&progress, 0, sizeof progress);
  info.err = jpeg_std_error(&trap.base);
  trap.base.error_exit = leave;
  trap.base.output_message = say_nothing;
  if (setjmp(trap.escape)) {
    jpeg_destroy_decompress(&info);
    free(data);
    return CI_DAMAGED;
  }
  jpeg_create_decompress(&info);
  progress.progress_monitor = watch_scans;
  info.progress = &progress;
  jpeg_mem_src(&info, bytes, count);
  jpeg_read_header(&info, TRUE);
  if (is_too_large(info.image_width, info.image_height, pixel_limit)) {
    jpeg_destroy_decompress(&info);
    return CI_TOO_LARGE;
  }
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  size_t row = (size_t)info.output_width * 3;
  data = malloc(row * info.output_height);
  if (data == NULL) {
    jpeg_destroy_decompress(&info);
    return CI_NO_MEMORY;
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW line = data + row * info.output_scanline;
    jpeg_read_scanlines(&info, &line, 1);
  }
  image->width = (int32_t)info.output_width;
  image->height = (int32_t)info.output_height;
  jpeg_finish_decompress(&info);
  /* libjpeg fills in what is missing of a file cut short, and counts that as a warning. */
  int is_whole = trap.base.num_warnings == 0;
  jpeg_destroy_decompress(&info);
  if (!is_whole) {
    free(data);
    image->width = image->height = 0;
    return CI_DAMAGED;
  }
  image->pixels = data;
  return CI_OK;
}

int ci_decode(const uint8_t *bytes, size_t count, int64_t pixel_limit, ci_image *image) {
  static const uint8_t png_mark[8] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
  memset(image, 0, sizeof *image);
  if (count >= 8 && memcmp(bytes, png_mark, 8) == 0) {
    return decode_png(bytes, count, pixel_limit, image);
  }
  if (count >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) {
    return decode_jpeg(bytes, count, pixel_limit, image);
  }
  return CI_UNKNOWN;
}

void ci_free(ci_image *image) {
  free(image->pixels);
  memset(image, 0, sizeof *image);
}
