/// A model as an ONNX file has it: operations by name, tensors where they lie.
///
/// All names are the file's own and untrusted on a screen.
public struct ONNXModel: Sendable {
  public let path: String
  /// Bytes of the file and of its external data.
  public let byteCount: Int
  public let irVersion: Int
  public let producer: String
  /// By domain, the version of its operators; ONNX's own domain is empty.
  public let opsets: [String: Int]
  public let graph: ONNXGraph
  /// Functions the file defines itself, as domain and name.
  public let functionNames: [String]

  public init(
    path: String, byteCount: Int, irVersion: Int, producer: String, opsets: [String: Int],
    graph: ONNXGraph, functionNames: [String] = []
  ) {
    self.path = path
    self.byteCount = byteCount
    self.irVersion = irVersion
    self.producer = producer
    self.opsets = opsets
    self.graph = graph
    self.functionNames = functionNames
  }
}

/// Operations that hand values to each other by name.
public struct ONNXGraph: Sendable {
  public let name: String
  public let nodes: [ONNXNode]
  /// Constants; one may also be the default of an input of the same name.
  public let initializers: [ONNXTensor]
  public let inputs: [ONNXValue]
  public let outputs: [ONNXValue]

  public init(
    name: String, nodes: [ONNXNode], initializers: [ONNXTensor], inputs: [ONNXValue],
    outputs: [ONNXValue]
  ) {
    self.name = name
    self.nodes = nodes
    self.initializers = initializers
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// One operation.
public struct ONNXNode: Sendable {
  public let name: String
  /// Empty for ONNX's own operators.
  public let domain: String
  public let type: String
  /// Names of values; empty where an optional input is left out.
  public let inputs: [String]
  public let outputs: [String]
  public let attributes: [String: ONNXAttribute]

  public init(
    name: String, domain: String = "", type: String, inputs: [String], outputs: [String],
    attributes: [String: ONNXAttribute] = [:]
  ) {
    self.name = name
    self.domain = domain
    self.type = type
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
  }

  /// The node's name, or what it makes where it has none.
  public var label: String { name.isEmpty ? outputs.first { !$0.isEmpty } ?? "" : name }
}

/// What an operation is told beside its inputs.
public enum ONNXAttribute: Sendable {
  case float(Float)
  case int(Int64)
  /// Bytes that are usually UTF-8.
  case string([UInt8])
  case tensor(ONNXTensor)
  case graph(ONNXGraph)
  case floats([Float])
  case ints([Int64])
  case strings([[UInt8]])
  /// A kind that is not read, such as a type or a sparse tensor.
  case unsupported
}

/// An input or output of a graph.
public struct ONNXValue: Hashable, Sendable {
  /// The length of one dimension as declared.
  public enum Dimension: Hashable, Sendable {
    case fixed(Int)
    case named(String)
    case unknown
  }

  public let name: String
  /// Raw number of the element type; 0 for values that are no tensors.
  public let elementType: Int32
  /// `nil` where the file does not say.
  public let shape: [Dimension]?

  public init(name: String, elementType: Int32, shape: [Dimension]?) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }
}
