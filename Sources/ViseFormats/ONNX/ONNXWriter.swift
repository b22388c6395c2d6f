import FoundationEssentials
import SwiftProtobuf
import ViseTensor

/// Writes ONNX files, all tensors in the file itself.
public enum ONNXWriter {
  /// A protocol buffer holds less than this.
  static let byteLimit = 1 << 31

  /// Writes `model`, which names no functions of its own, to `path`; returns the file's bytes.
  ///
  /// - Throws: `WriteError`, and `ONNXError` where the model holds what the format's writer does not.
  @discardableResult
  public static func write(
    _ model: ONNXModel, to path: String, replacing: Bool = false
  ) throws -> Int {
    let bytes = try data(of: model)
    let file = try AtomicFile(path: path, replacing: replacing, expectedByteCount: bytes.count)
    try bytes.withUnsafeBytes { try file.write($0) }
    try file.commit()
    return bytes.count
  }

  /// Bytes of the file that `write` makes.
  public static func byteCount(of model: ONNXModel) throws -> Int { try data(of: model).count }

  /// The bytes of a file of `model`.
  static func data(of model: ONNXModel) throws -> Data {
    if let name = model.functionNames.first {
      throw ONNXError(file: model.path, place: .node(name: name, type: name), reason: .unwritable)
    }
    var head = PBModel()
    head.irVersion = Int64(model.irVersion)
    head.producerName = model.producer
    head.opsetImport = model.opsets.sorted { $0.key < $1.key }.map { domain, version in
      var entry = PBOperatorSet()
      entry.domain = domain
      entry.version = Int64(version)
      return entry
    }
    let graph = try message(model.graph, path: model.path)
    let body: Data = try graph.serializedBytes()
    guard body.count < byteLimit else {
      throw ONNXError(
        file: model.path, place: .graph,
        reason: .implausible("bytes", count: body.count, limit: byteLimit))
    }
    // The graph is field 7; its message is that of a graph in an attribute, whose numbers agree.
    var data: Data = try head.serializedBytes()
    data.append(7 << 3 | 2)
    var length = body.count
    while length > 127 {
      data.append(UInt8(length & 127 | 128))
      length >>= 7
    }
    data.append(UInt8(length))
    data.append(body)
    return data
  }

  private static func message(_ graph: ONNXGraph, path: String) throws -> PBSubgraph {
    var message = PBSubgraph()
    message.name = graph.name
    message.initializers = graph.initializers.map(tensor)
    message.inputs = graph.inputs.map(value)
    message.outputs = graph.outputs.map(value)
    message.nodes = try graph.nodes.map { try self.node($0, path: path) }
    return message
  }

  private static func node(_ node: ONNXNode, path: String) throws -> PBNode {
    var message = PBNode()
    message.name = node.name
    message.domain = node.domain
    message.opType = node.type
    message.inputs = node.inputs
    message.outputs = node.outputs
    message.attributes = try node.attributes.sorted { $0.key < $1.key }.map {
      try attribute($0.value, named: $0.key, node, path: path)
    }
    return message
  }

  /// Bytes of an operation's message.
  static func nodeByteCount(_ node: ONNXNode, path: String) throws -> Int {
    let bytes: Data = try self.node(node, path: path).serializedBytes()
    return bytes.count
  }

  /// Bytes of a constant's message but for its elements.
  static func headByteCount(ofConstant name: String, type: ElementType, shape: [Int]) -> Int {
    var message = PBTensor()
    message.name = name
    message.dims = shape.map { Int64($0) }
    message.dataType = type.rawValue
    let bytes: Data? = try? message.serializedBytes()
    return bytes?.count ?? 0
  }

  private static func attribute(
    _ value: ONNXAttribute, named name: String, _ node: ONNXNode, path: String
  ) throws -> PBAttribute {
    var message = PBAttribute()
    message.name = name
    switch value {
    case .float(let number): (message.type, message.f) = (1, number)
    case .int(let number): (message.type, message.i) = (2, number)
    case .string(let bytes): (message.type, message.s) = (3, Data(bytes))
    case .tensor(let stored): (message.type, message.t) = (4, tensor(stored))
    case .graph(let inner): (message.type, message.g) = (5, try self.message(inner, path: path))
    case .floats(let numbers): (message.type, message.floats) = (6, numbers)
    case .ints(let numbers): (message.type, message.ints) = (7, numbers)
    case .strings(let texts): (message.type, message.strings) = (8, texts.map { Data($0) })
    case .unsupported:
      throw ONNXError(
        file: path, place: .attribute(name, node: node.label, type: node.type),
        reason: .unwritable)
    }
    return message
  }

  private static func tensor(_ stored: ONNXTensor) -> PBTensor {
    var message = PBTensor()
    message.name = stored.name
    message.dims = stored.shape.map { Int64($0) }
    message.dataType = stored.type.rawValue
    message.rawData = stored.withBytes { Data($0) }
    return message
  }

  private static func value(_ value: ONNXValue) -> PBValueInfo {
    var message = PBValueInfo()
    message.name = value.name
    message.type.tensor.elemType = value.elementType
    guard let shape = value.shape else { return message }
    message.type.tensor.shape.dims = shape.map { dimension in
      var message = PBDimension()
      switch dimension {
      case .fixed(let length): message.dimValue = Int64(length)
      case .named(let name): message.dimParam = name
      case .unknown: break
      }
      return message
    }
    // A scalar has a shape without dimensions, which must be there all the same.
    if shape.isEmpty { message.type.tensor.shape = PBTensorShape() }
    return message
  }
}
