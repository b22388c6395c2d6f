import ViseCompression

/// Finds which layers of a block make the inputs of which others.
///
/// Gate and up make the neurons that down reads; queries, keys and values the heads that the output
/// projection reads, a key–value head with all query heads that share it. One projection for all
/// three, as GPT-2 has it, is not taken apart.
struct ChannelCatalog {
  /// Removable columns, by the key of their weight.
  private(set) var groups: [String: ChannelGroup] = [:]
  /// What rows and biases make, by key.
  private(set) var links: [String: ChannelLink] = [:]
  /// The weights that make a site's columns, by the site's key.
  private(set) var makers: [String: [String]] = [:]

  init(_ configuration: DecoderConfiguration, names: WeightNames) {
    for block in 0..<configuration.blockCount {
      let prefix = "blk.\(block)"
      add(
        leader: "\(prefix).ffn_down", unit: 1, count: configuration.feedForwardWidth,
        makers: [("\(prefix).ffn_gate", 1), ("\(prefix).ffn_up", 1)], names: names)
      guard names.optional("\(prefix).attn_qkv.weight") == nil else { continue }
      let unit = configuration.heads / configuration.keyValueHeads
      add(
        leader: "\(prefix).attn_output", unit: unit * configuration.valueLength,
        count: configuration.keyValueHeads,
        makers: [
          ("\(prefix).attn_q", unit * configuration.headLength),
          ("\(prefix).attn_k", configuration.headLength),
          ("\(prefix).attn_v", configuration.valueLength),
        ], names: names)
    }
  }

  private mutating func add(
    leader: String, unit: Int, count: Int, makers: [(name: String, rowsPerUnit: Int)],
    names: WeightNames
  ) {
    guard let key = names.optional("\(leader).weight") else { return }
    let group = ChannelGroup(
      unit: unit, count: count, canGo: names.optional("\(leader).bias") == nil)
    groups[key] = group
    for maker in makers {
      guard let weight = names.optional("\(maker.name).weight") else { continue }
      let link = ChannelLink(leader: key, group: group, rowsPerUnit: maker.rowsPerUnit)
      self.makers[key, default: []].append(weight)
      links[weight] = link
      if let bias = names.optional("\(maker.name).bias") { links[bias] = link }
    }
  }

  /// `site` with what is known of its channels and its bias.
  func annotated(_ site: Site, bias: String?) -> Site {
    Site(
      index: site.index, name: site.name, role: site.role, block: site.block, rows: site.rows,
      columns: site.columns, stored: site.stored, channels: groups[site.name],
      rowLink: links[site.name], bias: bias)
  }
}

/// A tensor's name with the number of its block apart.
struct BlockName {
  let prefix: String
  let block: Int
  let suffix: String

  /// `nil` for names outside the blocks.
  init?(_ name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    for place in parts.indices.dropLast() where Self.markers.contains(parts[place]) {
      let digits = parts[place + 1]
      guard let block = Int(digits), block >= 0, String(block) == digits else { continue }
      prefix = parts[...place].joined(separator: ".")
      self.block = block
      suffix = parts[(place + 2)...].joined(separator: ".")
      return
    }
    return nil
  }

  /// What stands before a block's number, in GGUF and in Hugging Face files.
  private static let markers: Set<String> = ["blk", "layers", "h"]

  func renumbered(_ block: Int) -> String { "\(prefix).\(block).\(suffix)" }
}
