/// Why a graph has no gradients.
public enum GradientError: Error, Hashable, Sendable {
  /// Operators between what is trained and the output that have no derivative here; sorted.
  case notDifferentiable([String])
  /// No float constant of this name reaches the graph's output.
  case notAParameter(String)
  /// The graph has other than one input, or its first output is not made by operations.
  case notAFunctionOfOneInput
}

extension GradientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notDifferentiable(let names):
      "operators without a derivative: \(names.joined(separator: ", "))"
    case .notAParameter(let name): "\"\(name)\" is no weight that the output depends on"
    case .notAFunctionOfOneInput: "only models of one input and an output it decides are trained"
    }
  }
}
