public import ViseTensor

/// How long the file of a graph is, and of the graph with messages added or taken away.
public struct ONNXFileSize: Hashable, Sendable {
  /// Bytes before the graph's own.
  private let head: Int
  private let graph: Int

  /// Measures the file `ONNXWriter.write` makes of `model`.
  ///
  /// - Throws: `ONNXError` where the model holds what cannot be written.
  public init(_ model: ONNXModel) throws {
    let whole = try ONNXWriter.byteCount(of: model)
    let empty = ONNXModel(
      path: model.path, byteCount: 0, irVersion: model.irVersion, producer: model.producer,
      opsets: model.opsets,
      graph: ONNXGraph(name: "", nodes: [], initializers: [], inputs: [], outputs: []))
    // An empty graph leaves its field's tag and a length of one byte.
    head = try ONNXWriter.byteCount(of: empty) - 2
    var graph = whole - head - 2
    while 1 + ONNXWriter.lengthByteCount(graph) + graph > whole - head { graph -= 1 }
    self.graph = graph
  }

  /// Bytes of the file where `added` bytes of messages come to the graph.
  public func byteCount(adding added: Int) -> Int {
    let body = graph + added
    return head + 1 + ONNXWriter.lengthByteCount(body) + body
  }
}

extension ONNXWriter {
  /// Bytes a constant adds to a graph.
  public static func byteCount(ofConstant name: String, type: ElementType, shape: [Int]) -> Int {
    let elements = shape.reduce(1, *)
    let bytes = (elements * type.bitCount + 7) / 8
    let message = headByteCount(ofConstant: name, type: type, shape: shape)
    return field(message + (bytes > 0 ? 1 + lengthByteCount(bytes) + bytes : 0))
  }

  /// Bytes a constant of the file adds to a graph.
  public static func byteCount(of tensor: ONNXTensor) -> Int {
    let message = headByteCount(ofConstant: tensor.name, type: tensor.type, shape: tensor.shape)
    let bytes = tensor.byteCount
    return field(message + (bytes > 0 ? 1 + lengthByteCount(bytes) + bytes : 0))
  }

  /// Bytes an operation adds to a graph.
  public static func byteCount(of node: ONNXNode, path: String) throws -> Int {
    field(try nodeByteCount(node, path: path))
  }

  /// A message with its tag and its length.
  private static func field(_ byteCount: Int) -> Int {
    1 + lengthByteCount(byteCount) + byteCount
  }

  /// Bytes a protocol buffer takes for a length.
  static func lengthByteCount(_ length: Int) -> Int {
    var (rest, count) = (length, 1)
    while rest > 127 {
      rest >>= 7
      count += 1
    }
    return count
  }
}
