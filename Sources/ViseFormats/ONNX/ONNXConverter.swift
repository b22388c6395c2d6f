import FoundationEssentials
import SwiftProtobuf
import ViseTensor

/// Turns decoded messages into a model, checking what they say.
struct ONNXConverter {
  let file: MappedFile
  /// By initializer of the main graph.
  let rawData: [Range<Int>?]
  var external: ExternalData

  init(file: MappedFile, rawData: [Range<Int>?]) {
    self.file = file
    self.rawData = rawData
    external = ExternalData(modelPath: file.path)
  }

  func error(_ place: ONNXError.Place, _ reason: ONNXError.Reason) -> ONNXError {
    ONNXError(file: file.path, place: place, reason: reason)
  }

  mutating func model(_ message: PBModel) throws(ONNXError) -> ONNXModel {
    let graph = try mainGraph(message.graph)
    var opsets: [String: Int] = [:]
    for entry in message.opsetImport {
      let domain = entry.domain == "ai.onnx" ? "" : entry.domain
      opsets[domain] = Int(clamping: entry.version)
    }
    return ONNXModel(
      path: file.path, byteCount: file.byteCount + external.byteCount,
      irVersion: Int(clamping: message.irVersion), producer: message.producerName,
      opsets: opsets, graph: graph,
      functionNames: message.functions.map { $0.domain + "." + $0.name })
  }

  private mutating func mainGraph(_ message: PBMainGraph) throws(ONNXError) -> ONNXGraph {
    guard message.initializers.count == rawData.count else {
      throw error(.graph, .invalidEncoding)
    }
    var initializers: [ONNXTensor] = []
    var names = Set<String>()
    for (index, stored) in message.initializers.enumerated() {
      guard names.insert(stored.name).inserted else {
        throw error(.graph, .duplicateName(stored.name))
      }
      initializers.append(
        try tensor(TensorFields(stored), raw: rawData[index].map { .mapped($0) }))
    }
    return ONNXGraph(
      name: message.name, nodes: try nodes(message.nodes), initializers: initializers,
      inputs: try values(message.inputs), outputs: try values(message.outputs))
  }

  private mutating func subgraph(_ message: PBSubgraph) throws(ONNXError) -> ONNXGraph {
    var initializers: [ONNXTensor] = []
    for stored in message.initializers { initializers.append(try tensor(stored)) }
    return ONNXGraph(
      name: message.name, nodes: try nodes(message.nodes), initializers: initializers,
      inputs: try values(message.inputs), outputs: try values(message.outputs))
  }

  private mutating func nodes(_ messages: [PBNode]) throws(ONNXError) -> [ONNXNode] {
    var result: [ONNXNode] = []
    result.reserveCapacity(messages.count)
    for message in messages {
      let label = message.name.isEmpty ? message.outputs.first ?? "" : message.name
      var attributes: [String: ONNXAttribute] = [:]
      for attribute in message.attributes {
        let place = ONNXError.Place.attribute(attribute.name, node: label, type: message.opType)
        let value = try self.attribute(attribute, at: place)
        guard attributes.updateValue(value, forKey: attribute.name) == nil else {
          throw error(
            .node(name: label, type: message.opType), .duplicateName(attribute.name))
        }
      }
      result.append(
        ONNXNode(
          name: message.name, domain: message.domain == "ai.onnx" ? "" : message.domain,
          type: message.opType, inputs: message.inputs, outputs: message.outputs,
          attributes: attributes))
    }
    return result
  }

  private mutating func attribute(
    _ message: PBAttribute, at place: ONNXError.Place
  ) throws(ONNXError) -> ONNXAttribute {
    switch message.type {
    case 1: return .float(message.f)
    case 2: return .int(message.i)
    case 3: return .string(Array(message.s))
    case 4: return .tensor(try tensor(message.t, at: place))
    case 5: return .graph(try subgraph(message.g))
    case 6: return .floats(message.floats)
    case 7: return .ints(message.ints)
    case 8: return .strings(message.strings.map { Array($0) })
    default: return .unsupported
    }
  }

  private func values(_ messages: [PBValueInfo]) throws(ONNXError) -> [ONNXValue] {
    messages.map { message in
      let tensor = message.type.tensor
      let shape: [ONNXValue.Dimension]? =
        tensor.hasShape
        ? tensor.shape.dims.map { dimension in
          switch dimension.value {
          case .dimValue(let length): .fixed(Int(clamping: max(length, 0)))
          case .dimParam(let name): .named(name)
          case nil: .unknown
          }
        } : nil
      return ONNXValue(name: message.name, elementType: tensor.elemType, shape: shape)
    }
  }
}
