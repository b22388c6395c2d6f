import Glibc
import ViseTensor

/// Derivatives of softmax and its logarithm.
enum SoftmaxDerivatives {
  static let all: [DerivativeDefinition] = ["Softmax", "LogSoftmax"].map { name in
    DerivativeDefinition(name) { node in
      // Before version 13 all dimensions from the axis on were one.
      let isFlat = node.opset < 13
      let axis = try node.int("axis", default: isFlat ? 1 : -1)
      return { call, context in
        try run(call, axis: axis, isFlat: isFlat, isLogarithm: name == "LogSoftmax", context)
      }
    }
  }

  /// dx = y ⊙ (dy − Σ dy ⊙ y), and dx = dy − exp(y) · Σ dy for the logarithm.
  private static func run(
    _ call: DerivativeCall, axis: Int, isFlat: Bool, isLogarithm: Bool, _ context: KernelContext
  ) throws -> [Tensor?] {
    let (y, dy) = (call.outputs[0], try call.gradient())
    let axis = isFlat && axis == y.rank ? axis : try normalizedAxis(axis, rank: y.rank)
    let outer = y.shape[..<axis].reduce(1, *)
    let length = isFlat ? y.shape[axis...].reduce(1, *) : y.shape[axis]
    let inner = isFlat ? 1 : y.shape[(axis + 1)...].reduce(1, *)
    let result = try context.make(.float32, y.shape)
    for row in 0..<(y.count == 0 ? 0 : outer * inner) {
      let start = row / inner * length * inner + row % inner
      let (made, upper) = (y.pointer(Float.self) + start, dy.pointer(Float.self) + start)
      let target = result.pointer(Float.self) + start
      var sum: Float = 0
      for i in stride(from: 0, to: length * inner, by: inner) {
        sum += isLogarithm ? upper[i] : upper[i] * made[i]
      }
      for i in stride(from: 0, to: length * inner, by: inner) {
        target[i] = isLogarithm ? upper[i] - expf(made[i]) * sum : made[i] * (upper[i] - sum)
      }
    }
    return [result]
  }
}
