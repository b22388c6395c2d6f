import ViseTensor

/// Convolution by its definition, one product after the other: what faster ways must agree with.
///
/// y[n,m,o] = bias[m] + Σ_c,k w[m,c,k] · x[n,c,o·stride + k·dilation − pad], in groups of channels.
struct PlainConvolution<Number: TensorNumber> {
  let shape: ConvolutionShape

  /// - Parameters:
  ///   - bias: one number a filter; `nil` for none.
  ///   - result: as `shape.outputShape` says.
  func run(
    _ x: UnsafePointer<Number>, weight: UnsafePointer<Number>, bias: UnsafePointer<Number>?,
    result: UnsafeMutablePointer<Number>
  ) {
    let window = shape.window
    var place = 0
    for image in 0..<shape.images {
      for filter in 0..<shape.filters {
        let group = filter / shape.filtersPerGroup
        let source =
          x + (image * shape.channels + group * shape.channelsPerGroup) * window.inputCount
        for z in 0..<window.output[0] {
          for y in 0..<window.output[1] {
            for column in 0..<window.output[2] {
              let sum = product(source, weight + filter * shape.depth, [z, y, column])
              result[place] = Number.wrappingAdd(sum, bias?[filter] ?? .zero)
              place += 1
            }
          }
        }
      }
    }
  }

  private func product(
    _ source: UnsafePointer<Number>, _ weight: UnsafePointer<Number>, _ output: [Int]
  ) -> Number {
    let window = shape.window
    let corner = (0..<3).map { output[$0] * window.strides[$0] - window.padsBefore[$0] }
    var (sum, element) = (Number.zero, 0)
    for channel in 0..<shape.channelsPerGroup {
      for z in 0..<window.kernel[0] {
        for y in 0..<window.kernel[1] {
          for x in 0..<window.kernel[2] {
            let at = (
              corner[0] + z * window.dilations[0], corner[1] + y * window.dilations[1],
              corner[2] + x * window.dilations[2]
            )
            if at.0 >= 0, at.0 < window.input[0], at.1 >= 0, at.1 < window.input[1], at.2 >= 0,
              at.2 < window.input[2]
            {
              let place =
                ((channel * window.input[0] + at.0) * window.input[1] + at.1) * window.input[2]
                + at.2
              sum = Number.wrappingAdd(
                sum, Number.wrappingMultiply(weight[element], source[place]))
            }
            element += 1
          }
        }
      }
    }
    return sum
  }
}
