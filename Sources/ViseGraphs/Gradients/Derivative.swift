import ViseTensor

/// What a derivative is given: an operation as it was carried out, and the gradients of its outputs.
struct DerivativeCall {
  let inputs: KernelInputs
  let outputs: [Tensor]
  /// By output, the loss's gradient; `nil` where the loss does not depend on it.
  let gradients: [Tensor?]
  /// By input, whether its gradient is asked for.
  let wanted: [Bool]
  /// What the operation left for its derivative.
  var saved: [Tensor] = []

  /// The gradient of the first output.
  func gradient() throws(OperatorFault) -> Tensor {
    guard let gradient = gradients.first ?? nil else {
      throw .unsupported("a gradient through an output other than the first")
    }
    guard gradient.type == .float32 else { throw .unsupportedType(input: 0, gradient.type) }
    return gradient
  }

  func wants(_ input: Int) -> Bool { input < wanted.count && wanted[input] }
}

/// The gradients of an operation's inputs from those of its outputs, on the calling thread.
///
/// By input, a tensor of its shape; `nil` where none is wanted. What is returned is not changed any
/// more, so that several may share their storage.
typealias Derivative = @Sendable (DerivativeCall, KernelContext) throws -> [Tensor?]

/// The derivative of one operator.
struct DerivativeDefinition: Sendable {
  let name: String
  /// Reads the attributes once; throws `OperatorFault` where there is no derivative for them.
  let prepare: @Sendable (NodeDescription) throws -> Derivative

  init(_ name: String, _ prepare: @escaping @Sendable (NodeDescription) throws -> Derivative) {
    self.name = name
    self.prepare = prepare
  }
}

/// The operators of ONNX's own domain that gradients go through.
enum DerivativeRegistry {
  private static let definitions: [String: DerivativeDefinition] = Dictionary(
    [
      ConvolutionDerivatives.all, ProductDerivatives.all, ArithmeticDerivatives.all,
      ActivationDerivatives.all, PoolingDerivatives.all, NormalizationDerivatives.all,
      SoftmaxDerivatives.all, MovingDerivatives.all, QuantizationDerivatives.all,
      RecurrentDerivatives.all,
    ].joined().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

  /// Operators whose outputs are steps or counts: the loss does not follow them.
  private static let stops: Set<String> = [
    "Shape", "Size", "ArgMax", "ArgMin", "Equal", "Greater", "Less", "GreaterOrEqual",
    "LessOrEqual", "Not", "And", "Or", "Xor", "IsNaN", "IsInf", "Sign", "Floor", "Ceil",
    "ConstantOfShape", "NonZero", "OneHot",
  ]

  static func find(_ node: GraphNode) -> DerivativeDefinition? {
    node.domain.isEmpty ? definitions[node.type] : nil
  }

  static func stops(at node: GraphNode) -> Bool {
    node.domain.isEmpty && stops.contains(node.type)
  }

  /// Names of the operators, sorted.
  static var names: [String] { definitions.keys.sorted() }
}
