import ViseTensor

/// Normalization by the mean and the variance of the batch itself, with its derivative.
///
/// Ioffe and Szegedy, "Batch Normalization" (2015), over the images of one run: the parts of a batch
/// that run side by side have statistics each (Hoffer, Hubara and Soudry, "Train longer, generalize
/// better", 2017).
struct BatchNormalizationTraining {
  private let epsilon: Float

  init(_ node: NodeDescription) throws(OperatorFault) {
    epsilon = try node.float("epsilon", default: 1e-5)
  }

  /// Makes the output, and the batch's mean and variance a channel after it.
  var kernel: Kernel {
    { [epsilon] inputs, context in
      let x = try inputs.required(0, .float32)
      let (scale, bias) = (try inputs.required(1, .float32), try inputs.required(2, .float32))
      guard x.rank >= 2, x.count > 0, scale.count == x.shape[1], bias.count == x.shape[1] else {
        throw OperatorFault.shapes("\(scale.shape) for \(x.shape)")
      }
      let layout = ChannelLayout(x.shape)
      let result = try context.make(.float32, x.shape)
      let moments = layout.moments(of: x)
      for channel in 0..<layout.channels {
        let middle = moments.mean.pointer(Float.self)[channel]
        let deviation = (moments.variance.pointer(Float.self)[channel] + epsilon).squareRoot()
        let factor = scale.pointer(Float.self)[channel] / deviation
        let shift = bias.pointer(Float.self)[channel] - middle * factor
        layout.forEachRun(channel) { start, length in
          let (source, target) = (
            x.pointer(Float.self) + start, result.pointer(Float.self) + start
          )
          for i in 0..<length { target[i] = source[i] * factor + shift }
        }
      }
      return [result, moments.mean, moments.variance]
    }
  }

  /// dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy · x̂)).
  var derivative: Derivative {
    { [epsilon] call, context in
      let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
      let gamma = try call.inputs.required(1, .float32)
      let layout = ChannelLayout(x.shape)
      let dx = call.wants(0) ? try context.make(.float32, x.shape) : nil
      let (scale, shift) = (
        try context.make(.float32, [layout.channels]), try context.make(.float32, [layout.channels])
      )
      let (means, variances) = (call.saved[0], call.saved[1])
      for channel in 0..<layout.channels {
        let mean = means.pointer(Float.self)[channel]
        let inverse = 1 / (variances.pointer(Float.self)[channel] + epsilon).squareRoot()
        let sum = layout.sum(channel) { FloatSums.sum(dy.pointer(Float.self) + $0, count: $1) }
        let product =
          inverse
          * layout.sum(channel) {
            FloatSums.product(
              dy.pointer(Float.self) + $0, x.pointer(Float.self) + $0, count: $1, around: mean)
          }
        shift.pointer(Float.self)[channel] = sum
        scale.pointer(Float.self)[channel] = product
        guard let dx else { continue }
        let factor = gamma.pointer(Float.self)[channel] * inverse
        let slope = -factor * inverse * product / Float(layout.count)
        let constant = -factor * sum / Float(layout.count) - slope * mean
        layout.forEachRun(channel) { start, length in
          let (source, upper) = (x.pointer(Float.self) + start, dy.pointer(Float.self) + start)
          let target = dx.pointer(Float.self) + start
          for i in 0..<length { target[i] = upper[i] * factor + (source[i] * slope + constant) }
        }
      }
      return [dx, call.wants(1) ? scale : nil, call.wants(2) ? shift : nil]
    }
  }
}

/// Where the elements of each channel lie in images N × C × places.
struct ChannelLayout {
  let images: Int
  let channels: Int
  let length: Int

  init(_ shape: [Int]) {
    images = shape[0]
    channels = shape[1]
    length = shape[2...].reduce(1, *)
  }

  /// Elements of one channel.
  var count: Int { images * length }

  @inline(__always)
  func forEachRun(_ channel: Int, _ body: (_ start: Int, _ length: Int) -> Void) {
    for image in 0..<images { body((image * channels + channel) * length, length) }
  }

  @inline(__always)
  func sum(_ channel: Int, _ body: (_ start: Int, _ length: Int) -> Float) -> Float {
    var total: Float = 0
    forEachRun(channel) { total += body($0, $1) }
    return total
  }

  /// Mean and biased variance of each channel of `x`.
  func moments(of x: Tensor) -> BatchMoments {
    let (mean, variance) = (Tensor(.float32, [channels]), Tensor(.float32, [channels]))
    for channel in 0..<channels {
      let middle =
        sum(channel) { FloatSums.sum(x.pointer(Float.self) + $0, count: $1) } / Float(count)
      mean.pointer(Float.self)[channel] = middle
      variance.pointer(Float.self)[channel] =
        sum(channel) {
          FloatSums.squares(x.pointer(Float.self) + $0, count: $1, around: middle)
        } / Float(count)
    }
    return withExtendedLifetime(x.storage) { BatchMoments(mean: mean, variance: variance) }
  }
}
