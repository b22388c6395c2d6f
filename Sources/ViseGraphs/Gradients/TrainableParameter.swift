import ViseFormats
public import ViseTensor

/// One tensor of a graph that training changes.
public struct TrainableParameter: Sendable {
  /// The name of the value in the graph.
  public let name: String
  /// What training starts from, as float32.
  public let initial: Tensor
  /// Whether weight decay applies: to matrices and filters, not to biases and scales.
  public let decays: Bool
  let storage: Storage

  /// How the numbers that are trained become those the graph computes with.
  enum Storage: Sendable {
    /// As they are.
    case floats
    /// As they are, with zeros where `kept` is 0.
    case masked(kept: Tensor)
    /// The nearest of a format's values; what is trained keeps what rounding takes away.
    case codes(CodeStorage)
  }

  /// Whether the graph computes with codes.
  public var isQuantized: Bool {
    if case .codes = storage { true } else { false }
  }

  /// What the graph computes with where `trained` is what training has come to.
  ///
  /// A tensor of its own each time: kernels keep what they make of a weight as long as it is the same.
  public func value(of trained: Tensor) throws -> Tensor {
    switch storage {
    case .floats, .masked: return Tensor(trained.shape, trained.values(Float.self))
    case .codes(let codes): return try codes.values(of: codes.codes(of: trained))
    }
  }

  /// Brings the gradient by the graph's value to one by what is trained, in place.
  ///
  /// Rounding is taken as the identity where the format's range does not clip (the straight-through
  /// estimator).
  public func restrict(_ gradient: Tensor, at trained: Tensor) throws {
    let target = gradient.pointer(Float.self)
    switch storage {
    case .floats: return
    case .masked(let kept):
      for i in 0..<gradient.count { target[i] *= kept.pointer(Float.self)[i] }
    case .codes(let codes):
      let (steps, decoded) = (codes.steps, try codes.values(of: codes.codes(of: trained)))
      let kept = codes.kept
      for i in 0..<gradient.count {
        let error = abs(trained.pointer(Float.self)[i] - decoded.pointer(Float.self)[i])
        if error > 0.5001 * steps.pointer(Float.self)[i] || kept?.pointer(Float.self)[i] == 0 {
          target[i] = 0
        }
      }
    }
  }

  /// The constants that hold what `trained` stands for, in place of the graph's of their names.
  func constants(of trained: Tensor) throws -> [ONNXTensor] {
    switch storage {
    case .floats, .masked: [ONNXTensor(name: name, trained)]
    case .codes(let codes):
      [ONNXTensor(name: codes.name, try codes.codes(of: trained))]
    }
  }
}

/// Integer codes behind a DequantizeLinear, on scales that stay as the plan chose them.
struct CodeStorage: Sendable {
  /// Of the constant that holds the codes.
  let name: String
  let type: ElementType
  /// The codes the format has, which may be fewer than the type.
  let range: ClosedRange<Int>
  /// By element, the distance between neighbouring values, and the zero point.
  let steps: Tensor
  let zeros: Tensor
  /// 0 where a pruned weight stays zero; `nil` where none is pruned.
  let kept: Tensor?

  /// The nearest codes.
  func codes(of x: Tensor) throws -> Tensor {
    let result = Tensor(type, x.shape)
    try type.dispatch(Rounding(storage: self, x: x, result: result))
    return result
  }

  /// (code − zero point) · step, as readers of the file compute it.
  func values(of codes: Tensor) throws -> Tensor {
    let context = KernelContext(pool: nil, work: RowWork(pool: nil), byteLimit: .max / 16)
    let result = try TypeConversion.convert(codes, to: .float32, context)
    let target = result.pointer(Float.self)
    for i in 0..<result.count {
      target[i] = (target[i] - zeros.pointer(Float.self)[i]) * steps.pointer(Float.self)[i]
    }
    return result
  }

  private struct Rounding: NumberVisitor {
    let storage: CodeStorage
    let x: Tensor
    let result: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws {
      let (low, high) = (Double(storage.range.lowerBound), Double(storage.range.upperBound))
      for i in 0..<x.count {
        let step = Double(storage.steps.pointer(Float.self)[i])
        let scaled = step == 0 ? 0 : Double(x.pointer(Float.self)[i]) / step
        let code = scaled.rounded(.toNearestOrEven) + Double(storage.zeros.pointer(Float.self)[i])
        result.pointer(T.self)[i] = T(nearest: min(max(code, low), high))
      }
    }
  }
}
