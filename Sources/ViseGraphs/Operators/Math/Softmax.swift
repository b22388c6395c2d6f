import Glibc
import ViseTensor

/// Softmax, its logarithm and its hard form.
enum SoftmaxOperators {
  static let all: [OperatorDefinition] = Kind.allCases.flatMap { kind in
    [
      OperatorDefinition(kind.rawValue, opsets: 1...12) { node in
        let axis = try node.int("axis", default: 1)
        return { [try run(kind, $0, axis: axis, isFlat: true, $1)] }
      },
      OperatorDefinition(kind.rawValue, opsets: 13...1000) { node in
        let axis = try node.int("axis", default: -1)
        return { [try run(kind, $0, axis: axis, isFlat: false, $1)] }
      },
    ]
  }

  enum Kind: String, CaseIterable {
    case softmax = "Softmax"
    case logarithm = "LogSoftmax"
    case hard = "Hardmax"
  }

  /// - Parameter isFlat: all dimensions from the axis on are one, as before version 13.
  private static func run(
    _ kind: Kind, _ inputs: KernelInputs, axis: Int, isFlat: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    if x.rank == 0 { throw OperatorFault.shapes("a scalar has no axis") }
    let axis =
      isFlat && axis == x.rank ? axis : try normalizedAxis(axis, rank: x.rank)
    let outer = x.shape[..<axis].reduce(1, *)
    let length = isFlat ? x.shape[axis...].reduce(1, *) : x.shape[axis]
    let inner = isFlat ? 1 : x.shape[(axis + 1)...].reduce(1, *)
    let result = try context.make(x.type, x.shape)
    guard x.count > 0 else { return result }
    switch x.type {
    case .float32: rows(kind, x, result, outer, length, inner, Float.self) { expf($0) }
    case .float64: rows(kind, x, result, outer, length, inner, Double.self) { exp($0) }
    default: throw OperatorFault.unsupportedType(input: 0, x.type)
    }
    return result
  }

  @inline(__always)
  private static func rows<T: TensorNumber & BinaryFloatingPoint>(
    _ kind: Kind, _ x: Tensor, _ result: Tensor, _ outer: Int, _ length: Int, _ inner: Int,
    _: T.Type, _ exponential: (T) -> T
  ) {
    for outerIndex in 0..<outer {
      for innerIndex in 0..<inner {
        let start = outerIndex * length * inner + innerIndex
        let source = x.pointer(T.self) + start
        let target = result.pointer(T.self) + start
        var (top, place) = (source[0], 0)
        for i in 0..<length where source[i * inner] > top {
          (top, place) = (source[i * inner], i)
        }
        if kind == .hard {
          for i in 0..<length { target[i * inner] = i == place ? 1 : 0 }
          continue
        }
        var sum = T.zero
        for i in 0..<length {
          let value = exponential(source[i * inner] - top)
          target[i * inner] = value
          sum += value
        }
        if kind == .softmax {
          for i in 0..<length { target[i * inner] /= sum }
        } else {
          let logarithm = T(log(Double(sum)))
          for i in 0..<length { target[i * inner] = source[i * inner] - top - logarithm }
        }
      }
    }
  }
}
