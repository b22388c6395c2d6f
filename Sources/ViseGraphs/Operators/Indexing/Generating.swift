import Glibc
import ViseFormats
import ViseTensor

/// Operators that make tensors out of attributes and numbers.
enum GeneratingOperators {
  static let all: [OperatorDefinition] =
    [
      OperatorDefinition("Constant", halves: .asTheyAre) { node in
        let value = try constant(node)
        return { _, _ in [value] }
      },
      OperatorDefinition("ConstantOfShape", halves: .asTheyAre) { node in
        let value = try node.tensor("value") ?? Tensor([1], [Float(0)])
        guard value.count == 1 else { throw OperatorFault.attribute("value") }
        return { inputs, context in
          guard let shape = try inputs.integers(0) else { throw OperatorFault.missingInput(0) }
          let result = try context.make(value.type, shape)
          try value.type.dispatchWidth(
            StridedCopy(
              source: value, offset: 0, strides: shape.map { _ in 0 }, result: result))
          return [result]
        }
      },
      OperatorDefinition("Range") { _ in { try [range($0, $1)] } },
    ]
    + windows.map { name, weights in
      OperatorDefinition(name) { node in
        let isPeriodic = try node.flag("periodic", default: true)
        let type = try node.elementType("output_datatype") ?? .float32
        return { inputs, context in
          guard let size = try inputs.scalar(0), size >= 0, size < 0x1p40 else {
            throw OperatorFault.value("the window's length")
          }
          let result = try context.make(.float32, [Int(size)])
          let period = isPeriodic ? size : size - 1
          for index in 0..<Int(size) {
            let angle = 2 * Double.pi * Double(index) / period
            result.pointer(Float.self)[index] = Float(
              weights[0] - weights[1] * cos(angle) + weights[2] * cos(2 * angle))
          }
          return [try TypeConversion.convert(result, to: type, context)]
        }
      }
    }

  /// a₀ − a₁·cos(2πn/N) + a₂·cos(4πn/N).
  private static let windows: [(String, [Double])] = [
    ("HannWindow", [0.5, 0.5, 0]),
    ("HammingWindow", [25.0 / 46, 21.0 / 46, 0]),
    ("BlackmanWindow", [0.42, 0.5, 0.08]),
  ]

  private static func constant(_ node: NodeDescription) throws(OperatorFault) -> Tensor {
    if let tensor = try node.tensor("value") { return tensor }
    if let value = try node.float("value_float") { return Tensor([], [value]) }
    if let values = try node.floats("value_floats") { return Tensor([values.count], values) }
    switch (node.node.attributes["value_int"], node.node.attributes["value_ints"]) {
    case (.int(let value), _): return Tensor([], [value])
    case (_, .ints(let values)): return Tensor([values.count], values)
    default: throw .attribute("value")
    }
  }

  private static func range(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let type = try inputs.required(0).type
    guard let start = try inputs.scalar(0), let limit = try inputs.scalar(1),
      let delta = try inputs.scalar(2), delta != 0
    else { throw OperatorFault.value("start, limit and a delta that is not 0 are needed") }
    let steps = ((limit - start) / delta).rounded(.up)
    guard abs(steps) < 0x1p48 else { throw OperatorFault.value("a range of \(steps) numbers") }
    let result = try context.make(type, [max(0, Int(steps))])
    try type.dispatch(RangeVisitor(start: start, delta: delta, result: result))
    return result
  }

  private struct RangeVisitor: NumberVisitor {
    let start: Double
    let delta: Double
    let result: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws {
      for index in 0..<result.count {
        result.pointer(T.self)[index] = T(nearest: start + Double(index) * delta)
      }
    }
  }
}
