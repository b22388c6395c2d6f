import ViseCompression
import ViseFormats
import ViseTensor

/// Which layers make the channels that others read, so that a channel can go from both.
///
/// A group is a convolution or linear layer whose input comes, by operations that treat each channel
/// by itself, from one convolution that nothing else reads. Channels of a residual sum or a
/// concatenation belong to several layers and stay.
struct GraphChannels {
  /// What goes with the channels of one layer's input.
  struct Group {
    let channels: ChannelGroup
    /// Weights whose rows make the channels, by name: the convolution, and depthwise ones after it.
    var makers: [String] = []
    /// Constants of one element a channel.
    var vectors: [String] = []
    /// Depthwise convolutions, by position, whose number of groups changes.
    var depthwise: [Int] = []
  }

  /// By the name of the weight that reads the channels.
  private(set) var groups: [String: Group] = [:]
  /// By the name of a weight, the channels its rows make.
  private(set) var links: [String: ChannelLink] = [:]

  private let graph: ONNXGraph
  private let sites: [String: GraphSite]
  private let tensors: [String: ONNXTensor]
  private var makers: [String: Int] = [:]
  private var readerCounts: [String: Int] = [:]

  /// Operations that treat each channel by itself.
  private static let pointwise: Set<String> = [
    "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Elu", "Tanh", "Gelu",
    "Softplus", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Dropout",
    "Identity", "BatchNormalization",
  ]

  init(_ graph: ONNXGraph, _ all: [GraphSite]) {
    self.graph = graph
    sites = Dictionary(
      all.map { ($0.site.name, $0) }, uniquingKeysWith: { first, _ in first })
    tensors = Dictionary(
      graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { makers[output] = index }
    }
    // What graphs inside an operation read counts twice: nothing is cut beside them.
    readerCounts = graph.readerCounts
    for site in all { add(site) }
  }

  private mutating func add(_ site: GraphSite) {
    let node = graph.nodes[site.node]
    guard site.type == .float32, site.place == 1, readerCounts[site.site.name] == 1 else { return }
    var (unit, count) = (1, site.site.columns)
    switch node.type {
    case "Conv" where (node.intAttribute("group") ?? 1) == 1:
      count = site.shape[1]
      unit = site.site.columns / max(count, 1)
    case "Gemm" where (node.intAttribute("transA") ?? 0) == 0: break
    default: return
    }
    var group = Group(channels: ChannelGroup(unit: unit, count: count, canGo: false))
    guard count > 1, follow(node.inputs[0], count: count, from: node.type, &group) else { return }
    groups[site.site.name] = group
    for maker in group.makers {
      links[maker] = ChannelLink(leader: site.site.name, group: group.channels, rowsPerUnit: 1)
    }
  }

  /// Goes back from a value to the convolution that makes it; whether there is one.
  private func follow(
    _ start: String, count: Int, from reader: String, _ group: inout Group
  ) -> Bool {
    var value = start
    while readerCounts[value] == 1, let index = makers[value] {
      let node = graph.nodes[index]
      guard node.domain.isEmpty, node.outputs.filter({ !$0.isEmpty }).count == 1,
        let input = node.inputs.first
      else { return false }
      switch node.type {
      case "Flatten" where reader == "Gemm" && (node.intAttribute("axis") ?? 1) == 1: break
      case "BatchNormalization":
        guard addVectors(Array(node.inputs.dropFirst()), count, &group) else { return false }
      case let type where Self.pointwise.contains(type): break
      case "Conv":
        if let ends = addConvolution(node, index, count, &group) { return ends }
      default: return false
      }
      value = input
    }
    return false
  }

  /// `true` where the channels begin here, `nil` where they go on behind it, `false` for neither.
  private func addConvolution(
    _ node: ONNXNode, _ index: Int, _ count: Int, _ group: inout Group
  ) -> Bool? {
    let groups = Int(node.intAttribute("group") ?? 1)
    guard node.inputs.count >= 2, let site = sites[node.inputs[1]], site.type == .float32,
      readerCounts[site.site.name] == 1, site.site.rows == count,
      addVectors(Array(node.inputs.dropFirst(2)), count, &group)
    else { return false }
    group.makers.append(site.site.name)
    if groups == 1 { return true }
    guard groups == count, site.shape[1] == 1 else { return false }
    group.depthwise.append(index)
    return nil
  }

  private func addVectors(_ names: [String], _ count: Int, _ group: inout Group) -> Bool {
    for name in names where !name.isEmpty {
      guard let tensor = tensors[name], tensor.shape == [count], tensor.type == .float32,
        readerCounts[name] == 1
      else { return false }
      group.vectors.append(name)
    }
    return true
  }

  /// `site` with what is known of its channels.
  func annotated(_ site: GraphSite) -> GraphSite {
    let old = site.site
    return site.replacing(
      Site(
        index: old.index, name: old.name, role: old.role, block: old.block, rows: old.rows,
        columns: old.columns, kernel: old.kernel, stored: old.stored,
        unformatted: old.unformatted,
        channels: groups[old.name]?.channels, rowLink: links[old.name], bias: old.bias),
      shape: site.shape)
  }
}
