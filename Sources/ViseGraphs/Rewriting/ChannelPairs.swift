import ViseCompression
import ViseFormats
import ViseTensor

/// Two layers between which a channel can be scaled: what makes it is divided by a positive factor,
/// what reads it multiplied, and the graph computes the same.
struct ChannelPair {
  /// Names of the weights.
  let maker: String
  let reader: String
  let channels: Int
  /// Constants of one element a channel that are added on the way, the maker's bias among them.
  let vectors: [String]
}

/// Finds the pairs of a graph.
///
/// Between the two are only operations f with f(s·x) = s·f(x) for s > 0, each channel by itself, and
/// nothing else reads what they make: ReLU, leaky ReLU, PReLU, pooling, added constants (which are
/// divided too). Channels of a convolution may be flattened into columns of a linear layer.
struct ChannelPairs {
  private(set) var pairs: [ChannelPair] = []
  /// By the name of a weight in a pair, its channels.
  private(set) var layouts: [String: WeightChannels] = [:]

  private let graph: ONNXGraph
  private let sites: [String: GraphSite]
  private let tensors: [String: ONNXTensor]
  private var makers: [String: Int] = [:]
  private let readerCounts: [String: Int]

  private static let homogeneous: Set<String> = ["Relu", "LeakyRelu", "Identity", "Dropout"]
  /// Those of values with channels in the second dimension.
  private static let pooling: Set<String> = [
    "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
  ]

  init(_ model: GraphModel) {
    graph = model.source.graph
    sites = Dictionary(
      model.sites.map { ($0.site.name, $0) }, uniquingKeysWith: { first, _ in first })
    tensors = Dictionary(
      graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    readerCounts = graph.readerCounts
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { makers[output] = index }
    }
    for node in graph.nodes {
      guard let reader = layer(node), let pair = pair(before: node, reader) else { continue }
      add(pair)
    }
  }

  /// The weight of a layer whose values may be changed.
  private func layer(_ node: ONNXNode) -> GraphSite? {
    guard node.domain.isEmpty, ["Conv", "Gemm", "MatMul"].contains(node.type),
      node.inputs.count >= 2, let site = sites[node.inputs[1]], site.place == 1,
      site.type == .float32, readerCounts[site.site.name] == 1,
      node.type != "Gemm" || (node.intAttribute("transA") ?? 0) == 0
    else { return nil }
    return site
  }

  private func groups(of site: GraphSite) -> Int {
    Int(graph.nodes[site.node].intAttribute("group") ?? 1)
  }

  private mutating func add(_ pair: ChannelPair) {
    guard let maker = sites[pair.maker], let reader = sites[pair.reader],
      let layout = WeightChannels(reader, groups: groups(of: reader), channels: pair.channels)
    else { return }
    // A layer that reads flattened channels makes its own ones all the same.
    layouts[pair.reader] = layout
    if layouts[pair.maker] == nil {
      layouts[pair.maker] = WeightChannels(maker, groups: groups(of: maker), channels: nil)
    }
    pairs.append(pair)
  }

  /// What the way back from a layer has passed.
  private struct Way {
    var hasPooling = false
    var isFlat = false
    /// Constants that are added.
    var vectors: [String] = []
  }

  /// The pair that ends with `reader`.
  private func pair(before node: ONNXNode, _ reader: GraphSite) -> ChannelPair? {
    var way = Way()
    var value = node.inputs[0]
    while readerCounts[value] == 1, let index = makers[value] {
      let node = graph.nodes[index]
      guard node.domain.isEmpty, node.outputs.filter({ !$0.isEmpty }).count == 1 else { return nil }
      if let maker = layer(node) { return pair(maker, node, reader, way) }
      guard let input = step(node, &way) else { return nil }
      value = input
    }
    return nil
  }

  /// Goes over one operation to the value it reads; `nil` where scaling does not pass.
  private func step(_ node: ONNXNode, _ way: inout Way) -> String? {
    switch node.type {
    case let type where Self.homogeneous.contains(type): return node.inputs.first
    case "PRelu":
      guard node.inputs.count == 2, tensors[node.inputs[1]] != nil else { return nil }
      return node.inputs[0]
    case let type where Self.pooling.contains(type):
      way.hasPooling = true
      return node.inputs.first
    case "Flatten":
      // What is added to flattened channels is no constant of one element a channel.
      guard (node.intAttribute("axis") ?? 1) == 1, way.vectors.isEmpty else { return nil }
      way.isFlat = true
      return node.inputs.first
    case "Add":
      let constants = node.inputs.filter { tensors[$0] != nil }
      guard node.inputs.count == 2, constants.count == 1 else { return nil }
      way.vectors += constants
      return node.inputs.first { $0 != constants[0] }
    default: return nil
    }
  }

  private func pair(
    _ maker: GraphSite, _ node: ONNXNode, _ reader: GraphSite, _ way: Way
  ) -> ChannelPair? {
    let isConvolution = node.type == "Conv"
    let readsImages = graph.nodes[reader.node].type == "Conv"
    // Convolutions have channels in the second dimension, linear layers in the last.
    guard isConvolution ? readsImages != way.isFlat : !readsImages && !way.isFlat && !way.hasPooling
    else { return nil }
    let channels = maker.site.rows
    let own = node.inputs.dropFirst(2).filter { !$0.isEmpty }
    let fits =
      own.allSatisfy { isVector($0, channels, trailing: 0) }
      && way.vectors.allSatisfy {
        isVector($0, channels, trailing: isConvolution ? maker.shape.count - 2 : 0)
      }
    guard fits, WeightChannels(reader, groups: groups(of: reader), channels: channels) != nil,
      WeightChannels(maker, groups: groups(of: maker), channels: nil) != nil
    else { return nil }
    return ChannelPair(
      maker: maker.site.name, reader: reader.site.name, channels: channels,
      vectors: own + way.vectors)
  }

  /// Whether a constant has one element a channel and is read once.
  ///
  /// - Parameter trailing: the dimensions after the channels'.
  private func isVector(_ name: String, _ channels: Int, trailing: Int) -> Bool {
    guard let tensor = tensors[name], tensor.type == .float32, readerCounts[name] == 1 else {
      return false
    }
    let place = tensor.shape.count - 1 - trailing
    return tensor.elementCount == channels && place >= 0 && tensor.shape[place] == channels
  }
}
