import ViseTensor

/// Derivatives of normalizations.
enum NormalizationDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("BatchNormalization") { node in
      let epsilon = try node.float("epsilon", default: 1e-5)
      return { try fixed($0, epsilon, $1) }
    },
    DerivativeDefinition("LayerNormalization") { node in
      let (axis, epsilon) = (
        try node.int("axis", default: -1), try node.float("epsilon", default: 1e-5)
      )
      return { try layers($0, axis: axis, epsilon, $1) }
    },
  ]

  /// A factor and a shift a channel, from a mean and a variance that stay.
  private static func fixed(
    _ call: DerivativeCall, _ epsilon: Float, _ context: KernelContext
  ) throws -> [Tensor?] {
    let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
    let parameters = try (1...4).map { try call.inputs.required($0, .float32) }
    let channels = x.shape[1]
    let length = x.shape[2...].reduce(1, *)
    let dx = call.wants(0) ? try context.make(.float32, x.shape) : nil
    let (scale, shift) = (
      try context.zeros(.float32, [channels]), try context.zeros(.float32, [channels])
    )
    for plane in 0..<x.shape[0] * channels {
      let channel = plane % channels
      let deviation = (parameters[3].pointer(Float.self)[channel] + epsilon).squareRoot()
      let (source, upper) = (
        x.pointer(Float.self) + plane * length, dy.pointer(Float.self) + plane * length
      )
      shift.pointer(Float.self)[channel] += FloatSums.sum(upper, count: length)
      scale.pointer(Float.self)[channel] +=
        FloatSums.product(
          upper, source, count: length, around: parameters[2].pointer(Float.self)[channel])
        / deviation
      if let dx {
        let factor = parameters[0].pointer(Float.self)[channel] / deviation
        let target = dx.pointer(Float.self) + plane * length
        for i in 0..<length { target[i] = upper[i] * factor }
      }
    }
    return [dx, call.wants(1) ? scale : nil, call.wants(2) ? shift : nil]
  }

  /// Ba, Kiros and Hinton, "Layer Normalization" (2016): rows less their mean, by their deviation.
  private static func layers(
    _ call: DerivativeCall, axis: Int, _ epsilon: Float, _ context: KernelContext
  ) throws -> [Tensor?] {
    let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
    let axis = try normalizedAxis(axis, rank: x.rank)
    let shape = Array(x.shape[axis...])
    let length = shape.reduce(1, *)
    let gamma = try RearrangingOperators.expanded(
      call.inputs.required(1, .float32), shape, context)
    let dx = try context.make(.float32, x.shape)
    let (scale, shift) = (try context.zeros(.float32, shape), try context.zeros(.float32, shape))
    let normalized = FloatBuffer(count: length)
    for row in 0..<(length == 0 ? 0 : x.count / length) {
      let (source, upper) = (
        x.pointer(Float.self) + row * length, dy.pointer(Float.self) + row * length
      )
      let moments = Moments(source, count: length)
      let inverse = Float(1 / (moments.variance + Double(epsilon)).squareRoot())
      let mean = Float(moments.mean)
      var (sum, product): (Float, Float) = (0, 0)
      for i in 0..<length {
        let value = (source[i] - mean) * inverse
        normalized.pointer[i] = value
        let scaled = upper[i] * gamma.pointer(Float.self)[i]
        sum += scaled
        product += scaled * value
        scale.pointer(Float.self)[i] += upper[i] * value
        shift.pointer(Float.self)[i] += upper[i]
      }
      (sum, product) = (sum / Float(length), product / Float(length))
      let target = dx.pointer(Float.self) + row * length
      for i in 0..<length {
        let scaled = upper[i] * gamma.pointer(Float.self)[i]
        target[i] = inverse * (scaled - sum - normalized.pointer[i] * product)
      }
    }
    return withExtendedLifetime(normalized) {
      let shapes = call.inputs.tensors.map { $0?.shape ?? [] }
      return [
        dx, call.wants(1) ? scale.reshaped(shapes[1]) : nil,
        call.wants(2) ? shift.reshaped(shapes[2]) : nil,
      ]
    }
  }
}
