public import ViseTensor

/// Why a graph cannot be run, or ended before its end.
///
/// Names come from the file and are untrusted on a screen.
public enum GraphError: Error, Hashable, Sendable {
  /// Operators that Vise does not run, each once, sorted.
  case unsupportedOperators([String])
  /// A node reads a value that nothing makes.
  case undefinedValue(String, node: String)
  case definedTwice(String)
  /// Nodes that wait for each other; one of them.
  case cycle(node: String)
  case noOutput
  /// A run was not given this input.
  case missingInput(String)
  /// An operation of type `type` refused its inputs or attributes.
  case operation(node: String, type: String, OperatorFault)
}

/// Why an operation cannot be prepared or carried out.
public enum OperatorFault: Error, Hashable, Sendable {
  case missingInput(Int)
  case unsupportedType(input: Int, ElementType)
  /// An attribute is missing, of the wrong kind or out of range.
  case attribute(String)
  /// Shapes that do not go together; the words name them.
  case shapes(String)
  /// A value of an input that makes no sense, such as an index out of range.
  case value(String)
  /// More memory than the run may use for one value.
  case tooLarge(bytes: Int, limit: Int)
  /// A form of the operator that Vise does not run.
  case unsupported(String)
}

extension GraphError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unsupportedOperators(let names):
      "operators that Vise does not run: \(names.joined(separator: ", "))"
    case .undefinedValue(let name, let node):
      "node \"\(node)\" reads \"\(name)\", which nothing makes"
    case .definedTwice(let name): "\"\(name)\" is made twice"
    case .cycle(let node): "node \"\(node)\" waits for its own result"
    case .noOutput: "the graph has no outputs"
    case .missingInput(let name): "the input \"\(name)\" is missing"
    case .operation(let node, let type, let fault): "node \"\(node)\" (\(type)): \(fault)"
    }
  }
}

extension OperatorFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingInput(let index): "input \(index) is missing"
    case .unsupportedType(let input, let type):
      "input \(input) of type \(type.name) is not supported"
    case .attribute(let name): "attribute \"\(name)\" is missing or has an unusable value"
    case .shapes(let words), .value(let words), .unsupported(let words): words
    case .tooLarge(let bytes, let limit):
      "\(bytes) bytes for one value; at most \(limit) may be used"
    }
  }
}
