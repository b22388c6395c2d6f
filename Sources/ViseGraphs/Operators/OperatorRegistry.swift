/// The operators Vise runs, by domain, name and version of the operator set.
enum OperatorRegistry {
  private struct Key: Hashable {
    let domain: String
    let name: String
  }

  private static let definitions: [Key: [OperatorDefinition]] = Dictionary(
    grouping: families.joined()
  ) { Key(domain: $0.domain, name: $0.name) }

  private static let families: [[OperatorDefinition]] = [
    ArithmeticOperators.all, ComparisonOperators.all, UnaryOperators.all, ActivationOperators.all,
    SoftmaxOperators.all, ReductionOperators.all, ExtremeOperators.all, ReshapingOperators.all,
    RearrangingOperators.all, SlicingOperators.all, GatheringOperators.all,
    ScatteringOperators.all, TypeConversion.all, GeneratingOperators.all, PaddingOperators.all,
    ConvolutionOperators.all, PoolingOperators.all, NormalizationOperators.all,
    ResizeOperators.all, ProductOperators.all, EinsumOperators.all, AttentionOperators.all,
    RecurrentOperators.all, QuantizationOperators.all, QuantizedProductOperators.all,
    ControlOperators.all,
  ]

  /// The operator of a domain in a version; `nil` where Vise does not run it.
  static func find(domain: String, name: String, opset: Int) -> OperatorDefinition? {
    definitions[Key(domain: domain, name: name)]?.first { $0.opsets.contains(opset) }
  }

  /// Names of all operators of ONNX's own domain, sorted.
  static var names: [String] {
    definitions.keys.filter { $0.domain.isEmpty }.map(\.name).sorted()
  }
}
