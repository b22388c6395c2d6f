#include <math.h>
#include <stddef.h>

#include "block_parts.h"
#include "vise_kernels.h"

#define VISE_BODY "solve_body.h"
#include "each_variant.h"

int64_t vise_ggml_solve_length(uint32_t type) {
  vise_type_encoder found = vise_encoder_of(vise_variant(), type);
  return found.encode && found.block_length > 1 ? found.block_length : 0;
}

int vise_ggml_can_descend(uint32_t type) {
  return vise_block_kind_of(type) != NULL && vise_ggml_solve_length(type) > 0;
}

static const float *mask_row(const float *kept, int64_t stride, int64_t row) {
  return kept ? kept + row * stride : NULL;
}

int vise_ggml_feedback_variant(int variant, uint32_t type, float *w, int64_t stride, int64_t rows,
                               int64_t columns, const float *u, int64_t u_stride,
                               const float *importance, const float *kept, int64_t kept_stride,
                               void *bytes, int64_t bytes_stride, float *errors,
                               int64_t errors_stride) {
  const vise_block_kind *kind = vise_block_kind_of(type);
  vise_block_coder coder = {kind, vise_encoder_of(variant, type), vise_decoder_of(variant, type)};
  if (!coder.encoder.encode || coder.encoder.block_length < 32 || columns > 256 ||
      columns % coder.encoder.block_length != 0) {
    return -1;
  }
  for (int64_t row = 0; row < rows; row += 16) {
    int64_t count = rows - row < 16 ? rows - row : 16;
    VISE_CALL(variant, feedback_chunk, &coder, w + row * stride, stride, count, columns, u,
              u_stride, importance, mask_row(kept, kept_stride, row), kept_stride,
              (uint8_t *)bytes + row * bytes_stride, bytes_stride, errors + row * errors_stride,
              errors_stride);
  }
  return 0;
}

int vise_ggml_feedback(uint32_t type, float *w, int64_t stride, int64_t rows, int64_t columns,
                       const float *u, int64_t u_stride, const float *importance,
                       const float *kept, int64_t kept_stride, void *bytes, int64_t bytes_stride,
                       float *errors, int64_t errors_stride) {
  return vise_ggml_feedback_variant(vise_variant(), type, w, stride, rows, columns, u, u_stride,
                                    importance, kept, kept_stride, bytes, bytes_stride, errors,
                                    errors_stride);
}

int vise_ggml_descent_variant(int variant, uint32_t type, float *values, int64_t stride,
                              int64_t rows, int64_t columns, const float *gradient,
                              int64_t gradient_stride, const float *h, int64_t h_stride,
                              const float *kept, int64_t kept_stride, void *bytes,
                              int64_t bytes_stride, float *changes, int64_t changes_stride) {
  const vise_block_kind *kind = vise_block_kind_of(type);
  if (!kind || columns > 256 || columns % kind->length != 0) return -1;
  for (int64_t row = 0; row < rows; row += 16) {
    int64_t count = rows - row < 16 ? rows - row : 16;
    VISE_CALL(variant, descent_chunk, kind, values + row * stride, stride, count, columns,
              gradient + row * gradient_stride, gradient_stride, h, h_stride,
              mask_row(kept, kept_stride, row), kept_stride,
              (uint8_t *)bytes + row * bytes_stride, bytes_stride, changes + row * changes_stride,
              changes_stride);
  }
  return 0;
}

int vise_ggml_descent(uint32_t type, float *values, int64_t stride, int64_t rows, int64_t columns,
                      const float *gradient, int64_t gradient_stride, const float *h,
                      int64_t h_stride, const float *kept, int64_t kept_stride, void *bytes,
                      int64_t bytes_stride, float *changes, int64_t changes_stride) {
  return vise_ggml_descent_variant(vise_variant(), type, values, stride, rows, columns, gradient,
                                   gradient_stride, h, h_stride, kept, kept_stride, bytes,
                                   bytes_stride, changes, changes_stride);
}

int vise_grid_feedback(float *w, int64_t stride, int64_t rows, int64_t columns, const float *u,
                       int64_t u_stride, const float *levels, int count, int64_t span_stride,
                       const int32_t *spans, const float *kept, int64_t kept_stride,
                       uint8_t *codes, int64_t codes_stride, float *errors,
                       int64_t errors_stride) {
  if (columns > 256 || count < 1 || count > 256) return -1;
  for (int64_t row = 0; row < rows; row += 16) {
    int64_t some = rows - row < 16 ? rows - row : 16;
    VISE_CALL(vise_variant(), grid_feedback_chunk, w + row * stride, stride, some, columns, u,
              u_stride, levels + row * count, count, span_stride, spans,
              mask_row(kept, kept_stride, row), kept_stride, codes + row * codes_stride,
              codes_stride, errors + row * errors_stride, errors_stride);
  }
  return 0;
}

int vise_sparse_feedback(float *w, int64_t stride, int64_t rows, int64_t columns, const float *u,
                         int64_t u_stride, int64_t group, const int32_t *pruned,
                         int64_t pruned_stride, float *kept, int64_t kept_stride, float *errors,
                         int64_t errors_stride) {
  if (columns > 256 || group < 1 || group > 256) return -1;
  for (int64_t row = 0; row < rows; row += 16) {
    int64_t some = rows - row < 16 ? rows - row : 16;
    VISE_CALL(vise_variant(), sparse_chunk, w + row * stride, stride, some, columns, u, u_stride,
              group, pruned + row * pruned_stride, pruned_stride, kept + row * kept_stride,
              kept_stride, errors + row * errors_stride, errors_stride);
  }
  return 0;
}
