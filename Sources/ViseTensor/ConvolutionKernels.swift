import CViseKernels

/// The inner loops of convolutions on float32, on the calling thread; `vise_convolve.h` has the formulas.
public enum ConvolutionKernels {
  /// Filters whose sums lie side by side.
  public static let filterBlock = Int(VISE_FILTER_BLOCK)

  /// What one output reads of an image whose channels lie side by side.
  public struct Taps: Sendable {
    public let offsets: [Int64]
    /// Floats that lie together at each offset.
    public let length: Int

    public init(offsets: [Int64], length: Int) {
      self.offsets = offsets
      self.length = length
    }
  }

  /// How the sums of a block of filters become outputs: act(sum · factor + shift + more).
  public struct Finish {
    let formula: vise_finish

    /// - Parameters:
    ///   - factors: `filterBlock` numbers, as `shifts` are.
    ///   - more: lies as the result does; `nil` adds nothing.
    public init(
      factors: UnsafePointer<Float>, shifts: UnsafePointer<Float>, more: UnsafePointer<Float>?,
      rectifies: Bool
    ) {
      formula = vise_finish(
        factors: factors, shifts: shifts, more: more, rectify: rectifies ? 1 : 0)
    }
  }

  /// Sums of `blocks` · `filterBlock` filters for a row of pixels, a pixel's side by side.
  public static func pixelSums(
    weights: UnsafePointer<Float>, blocks: Int, _ taps: Taps, image: UnsafePointer<Float>,
    step: Int, pixels: Int, into sums: UnsafeMutablePointer<Float>, stride: Int
  ) {
    taps.offsets.withUnsafeBufferPointer { offsets in
      let places = vise_taps(
        offsets: offsets.baseAddress, runs: Int64(offsets.count), length: Int64(taps.length))
      vise_pixel_sums(
        weights, Int64(blocks), places, image, Int64(step), Int64(pixels), sums, Int64(stride))
    }
  }

  /// Sums of up to `filterBlock` filters, finished, a plane of `plane` floats a filter.
  public static func finishPixels(
    _ sums: UnsafePointer<Float>, stride: Int, pixels: Int, filters: Int, _ finish: Finish,
    into result: UnsafeMutablePointer<Float>, plane: Int
  ) {
    vise_finish_pixels(
      sums, Int64(stride), Int64(pixels), Int64(filters), finish.formula, result, Int64(plane))
  }

  /// Outputs of one filter on one plane: shift + Σ_k weights[k] · plane[p · step + offsets[k]].
  public static func planeSums(
    weights: UnsafePointer<Float>, offsets: [Int64], plane: UnsafePointer<Float>, step: Int,
    pixels: Int, shift: Float, into result: UnsafeMutablePointer<Float>
  ) {
    vise_plane_sums(
      weights, offsets, Int64(offsets.count), plane, Int64(step), Int64(pixels), shift, result)
  }

  /// Adds the gradient of `planeSums` by its weights, one number an offset.
  public static func planeDots(
    gradient: UnsafePointer<Float>, offsets: [Int64], plane: UnsafePointer<Float>, step: Int,
    pixels: Int, into result: UnsafeMutablePointer<Float>
  ) {
    vise_plane_dots(
      gradient, offsets, Int64(offsets.count), plane, Int64(step), Int64(pixels), result)
  }

  /// A row of pixels of planes as pixels with their channels side by side, `step` floats apart.
  public static func interleave(
    _ source: UnsafePointer<Float>, plane: Int, pixels: Int, channels: Int,
    into target: UnsafeMutablePointer<Float>, step: Int
  ) {
    vise_interleave(source, Int64(plane), Int64(pixels), Int64(channels), target, Int64(step))
  }
}
