import ViseTensor

/// Conversions between floats and integer codes with scales and zero points.
enum QuantizationOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("QuantizeLinear") { node in
      let grid = try QuantizationGrid(node)
      let type = try node.elementType("output_dtype")
      return { inputs, context in
        [try grid.quantize(inputs.required(0), inputs.required(1), inputs[2], type, context)]
      }
    },
    OperatorDefinition("DequantizeLinear") { node in
      let grid = try QuantizationGrid(node)
      return { inputs, context in
        [try grid.dequantize(inputs.required(0), inputs.required(1), inputs[2], context)]
      }
    },
    OperatorDefinition("DynamicQuantizeLinear") { _ in { try dynamic($0, $1) } },
  ]

  /// Codes 0…255 that cover the range of the input and zero.
  private static func dynamic(_ inputs: KernelInputs, _ context: KernelContext) throws -> [Tensor] {
    let x = try inputs.required(0, .float32)
    let source = x.pointer(Float.self)
    var (low, high): (Float, Float) = (0, 0)
    for i in 0..<x.count { (low, high) = (min(low, source[i]), max(high, source[i])) }
    let scale = (high - low) / 255
    let zero = scale == 0 ? 0 : UInt8(nearest: Double(-low / scale))
    let scaleTensor = Tensor([], [scale])
    let zeroTensor = Tensor([], [zero])
    let codes = try QuantizationGrid().quantize(
      x, Tensor([], [scale == 0 ? 1 : scale]), zeroTensor, nil, context)
    return [codes, scaleTensor, zeroTensor]
  }
}

/// Which elements share a scale: all, those of one index of an axis, or blocks along it.
struct QuantizationGrid: Sendable {
  private let axis: Int
  private let block: Int

  init(_ node: NodeDescription) throws(OperatorFault) {
    axis = try node.int("axis", default: 1)
    block = try node.int("block_size", default: 0)
  }

  init() {
    axis = 1
    block = 0
  }

  /// Scales (or zero points) brought to the shape of `x`, without copying where there is one.
  func spread(
    _ scale: Tensor, over x: Tensor, _ context: KernelContext
  ) throws -> Tensor {
    if scale.count == 1 { return scale.reshaped([]) }
    let axis = try normalizedAxis(axis, rank: x.rank)
    if scale.rank == 1, scale.count == x.shape[axis] {
      return scale.reshaped(x.shape.indices.map { $0 == axis ? scale.count : 1 })
    }
    // Blocks: each scale stands for `block` neighbours along the axis.
    guard scale.rank == x.rank, scale.count > 0, scale.shape[axis] > 0 else {
      throw OperatorFault.shapes("scales \(scale.shape) for \(x.shape)")
    }
    let width = block > 0 ? block : x.shape[axis] / scale.shape[axis]
    guard width > 0, (x.shape[axis] + width - 1) / width == scale.shape[axis],
      x.shape.indices.allSatisfy({ $0 == axis || scale.shape[$0] == x.shape[$0] })
    else { throw OperatorFault.shapes("scales \(scale.shape) for \(x.shape)") }
    let places = (0..<x.shape[axis]).map { Int64($0 / width) }
    let indices = Tensor([places.count], places)
    return try GatheringOperators.gather(
      KernelInputs(tensors: [scale, indices]), axis: axis, context)
  }

  /// clamp(round(x / scale) + zero).
  func quantize(
    _ x: Tensor, _ scale: Tensor, _ zero: Tensor?, _ type: ElementType?,
    _ context: KernelContext
  ) throws -> Tensor {
    let x = try TypeConversion.convert(x, to: .float32, context)
    let scale = try TypeConversion.convert(scale, to: .float32, context)
    let type = zero?.type ?? type ?? .uint8
    let result = try context.make(type, x.shape)
    let bounds: (Double, Double)
    switch type {
    case .uint8: bounds = (0, 255)
    case .int8: bounds = (-128, 127)
    case .uint4: bounds = (0, 15)
    case .int4: bounds = (-8, 7)
    case .uint16: bounds = (0, 65535)
    case .int16: bounds = (-32768, 32767)
    default: throw OperatorFault.unsupportedType(input: 2, type)
    }
    let zeroPoints = try zero.map {
      try spread(TypeConversion.convert($0, to: .float32, context), over: x, context)
    }
    let scaled = try ArithmeticOperators.pair(.divide, x, spread(scale, over: x, context), context)
    let rounded = try context.make(.float32, scaled.shape)
    UnaryLoop.apply(scaled, rounded) { (value: Float) in value.rounded(.toNearestOrEven) }
    let shifted =
      try zeroPoints.map { try ArithmeticOperators.pair(.add, rounded, $0, context) } ?? rounded
    guard shifted.shape == x.shape else {
      throw OperatorFault.shapes("scales \(scale.shape) for \(x.shape)")
    }
    try type.dispatch(CodeVisitor(x: shifted, result: result, bounds: bounds))
    return result
  }

  private struct CodeVisitor: NumberVisitor {
    let x: Tensor
    let result: Tensor
    let bounds: (Double, Double)

    func visit<T: TensorNumber>(_: T.Type) throws {
      UnaryLoop.apply(x, result) { (value: Float) in
        T(nearest: max(bounds.0, min(bounds.1, Double(value))))
      }
    }
  }

  /// (code − zero) · scale, in the scale's type.
  func dequantize(
    _ x: Tensor, _ scale: Tensor, _ zero: Tensor?, _ context: KernelContext
  ) throws -> Tensor {
    guard !x.type.isFloating, scale.type == .float32 else {
      throw OperatorFault.unsupportedType(input: 0, x.type)
    }
    var values = try TypeConversion.convert(x, to: .float32, context)
    if let zero {
      let points = try spread(
        TypeConversion.convert(zero, to: .float32, context), over: x, context)
      values = try ArithmeticOperators.pair(.subtract, values, points, context)
    }
    let result = try ArithmeticOperators.pair(
      .multiply, values, spread(scale, over: x, context), context)
    guard result.shape == x.shape else {
      throw OperatorFault.shapes("scales \(scale.shape) for \(x.shape)")
    }
    return result
  }
}
