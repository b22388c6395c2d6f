import Glibc
import ViseTensor

/// Normalizations: of batches, instances, layers, groups, neighbourhoods and norms.
enum NormalizationOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("BatchNormalization") { node in
      let epsilon = try node.float("epsilon", default: 1e-5)
      let trains = try node.flag("training_mode")
      let momentum = try node.float("momentum", default: 0.9)
      return { inputs, context in
        trains
          ? try BatchStatistics(epsilon: epsilon, momentum: momentum).run(inputs, context)
          : [try batchNormalized(inputs, epsilon, context)]
      }
    },
    OperatorDefinition("InstanceNormalization") { node in
      let epsilon = try node.float("epsilon", default: 1e-5)
      return { try [grouped($0, groups: nil, epsilon, perGroup: false, $1)] }
    },
    OperatorDefinition("GroupNormalization", opsets: 18...1000) { node in
      let epsilon = try node.float("epsilon", default: 1e-5)
      let groups = try node.int("num_groups", default: 0)
      let perGroup = node.opset < 21
      return { try [grouped($0, groups: groups, epsilon, perGroup: perGroup, $1)] }
    },
    OperatorDefinition("LayerNormalization") { node in
      let (axis, epsilon) = (
        try node.int("axis", default: -1), try node.float("epsilon", default: 1e-5)
      )
      return { try LayerNorm(axis: axis, epsilon: epsilon, centres: true).run($0, $1) }
    },
    OperatorDefinition("RMSNormalization") { node in
      let (axis, epsilon) = (
        try node.int("axis", default: -1), try node.float("epsilon", default: 1e-5)
      )
      return {
        Array(try LayerNorm(axis: axis, epsilon: epsilon, centres: false).run($0, $1)[..<1])
      }
    },
    OperatorDefinition("LRN") { node in
      let size = try node.int("size", default: 0)
      guard size > 0 else { throw OperatorFault.attribute("size") }
      let (alpha, beta, bias) = (
        Double(try node.float("alpha", default: 1e-4)),
        Double(try node.float("beta", default: 0.75)),
        Double(try node.float("bias", default: 1))
      )
      return { inputs, context in
        [try localResponse(inputs.required(0, .float32), size, alpha, beta, bias, context)]
      }
    },
    OperatorDefinition("LpNormalization") { node in
      let (axis, p) = (try node.int("axis", default: -1), try node.int("p", default: 2))
      return { try [normalized($0, axis: axis, p: p, $1)] }
    },
    OperatorDefinition("MeanVarianceNormalization") { node in
      let axes = try node.ints("axes") ?? [0, 2, 3]
      return { try [standardized($0.required(0, .float32), axes: axes, $1)] }
    },
  ]

  private static func batchNormalized(
    _ inputs: KernelInputs, _ epsilon: Float, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0, .float32)
    guard x.rank >= 2 else { throw OperatorFault.shapes("\(x.shape) have no channels") }
    let channels = x.shape[1]
    let parameters = try (1...4).map { try inputs.required($0, .float32) }
    guard parameters.allSatisfy({ $0.count == channels }) else {
      throw OperatorFault.shapes("\(parameters.map(\.shape)) for \(channels) channels")
    }
    let (scale, bias) = (parameters[0].pointer(Float.self), parameters[1].pointer(Float.self))
    let (mean, variance) = (parameters[2].pointer(Float.self), parameters[3].pointer(Float.self))
    let result = try context.make(.float32, x.shape)
    let length = x.shape[2...].reduce(1, *)
    for plane in 0..<x.shape[0] * channels {
      let channel = plane % channels
      let factor = scale[channel] / (variance[channel] + epsilon).squareRoot()
      let shift = bias[channel] - mean[channel] * factor
      let (source, target) = (
        x.pointer(Float.self) + plane * length, result.pointer(Float.self) + plane * length
      )
      for i in 0..<length { target[i] = source[i] * factor + shift }
    }
    return withExtendedLifetime(parameters) { result }
  }

  /// - Parameters:
  ///   - groups: `nil` makes each channel a group.
  ///   - perGroup: whether there is a scale a group, rather than one a channel.
  private static func grouped(
    _ inputs: KernelInputs, groups: Int?, _ epsilon: Float, perGroup: Bool,
    _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0, .float32)
    let (scale, bias) = (try inputs.required(1, .float32), try inputs.required(2, .float32))
    let channels = x.rank >= 2 ? x.shape[1] : 0
    let groups = groups ?? channels
    guard x.rank >= 2, groups > 0, channels % groups == 0,
      scale.count == (perGroup ? groups : channels), bias.count == scale.count
    else { throw OperatorFault.shapes("\(x.shape) in \(groups) groups with \(scale.shape)") }
    let result = try context.make(.float32, x.shape)
    let length = x.shape[2...].reduce(1, *)
    let size = channels / groups * length
    for block in 0..<(size == 0 ? 0 : x.shape[0] * groups) {
      let source = x.pointer(Float.self) + block * size
      let moments = Moments(source, count: size)
      let inverse = 1 / (moments.variance + Double(epsilon)).squareRoot()
      for i in 0..<size {
        let channel = block % groups * (channels / groups) + i / length
        let parameter = perGroup ? block % groups : channel
        result.pointer(Float.self)[block * size + i] =
          Float((Double(source[i]) - moments.mean) * inverse)
          * scale.pointer(Float.self)[parameter] + bias.pointer(Float.self)[parameter]
      }
    }
    return result
  }

  private static func localResponse(
    _ x: Tensor, _ size: Int, _ alpha: Double, _ beta: Double, _ bias: Double,
    _ context: KernelContext
  ) throws -> Tensor {
    guard x.rank >= 2 else { throw OperatorFault.shapes("\(x.shape) have no channels") }
    let result = try context.make(.float32, x.shape)
    let (channels, length) = (x.shape[1], x.shape[2...].reduce(1, *))
    let source = x.pointer(Float.self)
    for image in 0..<x.shape[0] {
      for channel in 0..<channels {
        let low = max(0, channel - (size - 1) / 2)
        let high = min(channels - 1, channel + size / 2)
        for i in 0..<length {
          var sum = 0.0
          for other in low...high {
            let value = Double(source[(image * channels + other) * length + i])
            sum += value * value
          }
          let place = (image * channels + channel) * length + i
          result.pointer(Float.self)[place] = Float(
            Double(source[place]) / pow(bias + alpha / Double(size) * sum, beta))
        }
      }
    }
    return result
  }

  private static func normalized(
    _ inputs: KernelInputs, axis: Int, p: Int, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    guard p == 1 || p == 2 else { throw OperatorFault.attribute("p") }
    let norm = try ReductionOperators.reduce(
      p == 1 ? .l1 : .l2, x, axes: [axis], keeps: true, context)
    let loop = try BinaryLoop(x, norm)
    let result = try context.make(x.type, loop.shape)
    switch x.type {
    case .float32: loop.fill(result) { (x: Float, y: Float) in y == 0 ? 0 : x / y }
    case .float64: loop.fill(result) { (x: Double, y: Double) in y == 0 ? 0 : x / y }
    default: throw OperatorFault.unsupportedType(input: 0, x.type)
    }
    return result
  }

  private static func standardized(
    _ x: Tensor, axes: [Int], _ context: KernelContext
  ) throws -> Tensor {
    let mean = try ReductionOperators.reduce(.mean, x, axes: axes, keeps: true, context)
    let centred = try ArithmeticOperators.pair(.subtract, x, mean, context)
    let squared = try ArithmeticOperators.pair(.multiply, centred, centred, context)
    let variance = try ReductionOperators.reduce(.mean, squared, axes: axes, keeps: true, context)
    let deviation = try context.make(.float32, variance.shape)
    UnaryLoop.apply(variance, deviation) { (value: Float) in value.squareRoot() + 1e-9 }
    return try ArithmeticOperators.pair(.divide, centred, deviation, context)
  }
}

/// Mean and variance of a run of floats, in double.
struct Moments {
  let mean: Double
  let variance: Double

  init(_ x: UnsafePointer<Float>, count: Int) {
    var sum = 0.0
    for i in 0..<count { sum += Double(x[i]) }
    let mean = sum / Double(count)
    var squares = 0.0
    for i in 0..<count {
      let distance = Double(x[i]) - mean
      squares += distance * distance
    }
    self.mean = mean
    variance = squares / Double(count)
  }
}

/// Normalization by the mean and variance of each batch itself, as in training.
private struct BatchStatistics {
  let epsilon: Float
  let momentum: Float

  func run(_ inputs: KernelInputs, _ context: KernelContext) throws -> [Tensor] {
    let x = try inputs.required(0, .float32)
    let (mean, variance) = (try inputs.required(3, .float32), try inputs.required(4, .float32))
    let axes = x.shape.indices.filter { $0 != 1 }
    guard x.rank >= 2, mean.count == x.shape[1], variance.count == x.shape[1] else {
      throw OperatorFault.shapes("\(mean.shape) for \(x.shape)")
    }
    let ownMean = try ReductionOperators.reduce(.mean, x, axes: axes, keeps: true, context)
    let centred = try ArithmeticOperators.pair(.subtract, x, ownMean, context)
    let squared = try ArithmeticOperators.pair(.multiply, centred, centred, context)
    let ownVariance = try ReductionOperators.reduce(
      .mean, squared, axes: axes, keeps: true, context)
    let shape = [1, x.shape[1]] + x.shape[2...].map { _ in 1 }
    let deviation = try context.make(.float32, ownVariance.shape)
    UnaryLoop.apply(ownVariance, deviation) { (value: Float) in (value + epsilon).squareRoot() }
    let scaled = try ArithmeticOperators.pair(
      .multiply, try ArithmeticOperators.pair(.divide, centred, deviation, context),
      try inputs.required(1, .float32).reshaped(checked: shape), context)
    let y = try ArithmeticOperators.pair(
      .add, scaled, try inputs.required(2, .float32).reshaped(checked: shape), context)
    return [y, try blended(mean, ownMean, context), try blended(variance, ownVariance, context)]
  }

  private func blended(
    _ old: Tensor, _ own: Tensor, _ context: KernelContext
  ) throws -> Tensor {
    let loop = try BinaryLoop(old, own.reshaped(old.shape))
    let result = try context.make(.float32, old.shape)
    loop.fill(result) { (x: Float, y: Float) in x * momentum + y * (1 - momentum) }
    return result
  }
}

/// Normalization over the last dimensions, with or without taking the mean away.
private struct LayerNorm {
  let axis: Int
  let epsilon: Float
  let centres: Bool

  /// The normalized tensor, and by row the mean and the inverse of the deviation.
  func run(_ inputs: KernelInputs, _ context: KernelContext) throws -> [Tensor] {
    let x = try inputs.required(0, .float32)
    let axis = try normalizedAxis(axis, rank: x.rank)
    let length = x.shape[axis...].reduce(1, *)
    let statistics = x.shape.indices.map { $0 < axis ? x.shape[$0] : 1 }
    let result = try context.make(.float32, x.shape)
    let (means, inverses) = (
      try context.make(.float32, statistics), try context.make(.float32, statistics)
    )
    let scale = try RearrangingOperators.expanded(
      inputs.required(1, .float32), Array(x.shape[axis...]), context)
    let bias = try inputs[2].map {
      guard $0.type == .float32 else { throw OperatorFault.unsupportedType(input: 2, $0.type) }
      return try RearrangingOperators.expanded($0, Array(x.shape[axis...]), context)
    }
    for row in 0..<(length == 0 ? 0 : x.count / length) {
      let (source, target) = (
        x.pointer(Float.self) + row * length, result.pointer(Float.self) + row * length
      )
      let moments = Moments(source, count: length)
      let mean = centres ? moments.mean : 0
      let power = centres ? moments.variance : moments.variance + moments.mean * moments.mean
      let inverse = 1 / (power + Double(epsilon)).squareRoot()
      for i in 0..<length {
        target[i] = Float((Double(source[i]) - mean) * inverse) * scale.pointer(Float.self)[i]
        if let bias { target[i] += bias.pointer(Float.self)[i] }
      }
      means.pointer(Float.self)[row] = Float(mean)
      inverses.pointer(Float.self)[row] = Float(inverse)
    }
    return withExtendedLifetime((scale, bias)) { [result, means, inverses] }
  }
}

extension Tensor {
  /// The same elements in `shape`, or an error where those are not as many.
  func reshaped(checked shape: [Int]) throws(OperatorFault) -> Tensor {
    guard Tensor.elementCount(of: shape) == count else {
      throw .shapes("\(self.shape) as \(shape)")
    }
    return reshaped(shape)
  }
}
