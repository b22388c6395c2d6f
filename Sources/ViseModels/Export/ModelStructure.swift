import ViseCompression
import ViseFormats
import ViseTensor

extension Model {
  /// What the size of a GGUF file depends on once channels are removed.
  var ggufStructure: GGUFStructure? {
    guard checkpoint.format == .gguf, let configuration = try? program.get().configuration else {
      return nil
    }
    let indices = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0.index) })
    let items = checkpoint.tensors.map { record in
      GGUFStructure.Item(
        site: indices[record.name], block: BlockName(record.name)?.block,
        nameByteCount: record.name.utf8.count, dimensionCount: record.shape.count,
        byteCount: record.byteCount, elementCount: record.elementCount,
        link: channelCatalog?.links[record.name])
    }
    let metadata = GGUFLayout.metadataByteCount(exportMetadata())
    let named = headKeys(configuration).reduce(into: exportMetadata()) { $0[$1.key] = $1.value }
    return GGUFStructure(
      items: items, metadataByteCount: metadata,
      headKeysByteCount: GGUFLayout.metadataByteCount(named) - metadata,
      blocksHavePlaces: blocksHavePlaces)
  }

  /// Whether blocks differ by their place, as local and global ones do.
  var blocksHavePlaces: Bool {
    Set((try? program.get().configuration.localBlocks) ?? []).count > 1
  }

  /// Sites whose pruning no model of one width for all blocks can hold.
  func structureMisfits(of plan: Plan) -> [ExportMisfit] {
    let shape = PlanStructure(of: plan, sites: sites)
    guard !shape.isUnchanged else { return [] }
    let structure = GGUFStructure(
      items: [], metadataByteCount: 0, headKeysByteCount: 0, blocksHavePlaces: blocksHavePlaces)
    return structure.misfits(of: shape, sites: sites).map {
      ExportMisfit(site: $0.site, treatment: plan[$0.site].name, reason: $0.reason)
    }
  }

  /// The source's metadata with the keys every export has.
  func exportMetadata() -> Metadata {
    var metadata = checkpoint.metadata
    metadata["general.file_type"] = .uint32(0)
    if metadata["general.quantization_version"] == nil {
      metadata["general.quantization_version"] = .uint32(2)
    }
    return metadata
  }

  /// Keys that say how long heads are, which no longer follows from their number.
  private func headKeys(
    _ configuration: DecoderConfiguration
  ) -> [(key: String, value: MetadataValue)] {
    [("key_length", configuration.headLength), ("value_length", configuration.valueLength)]
      .map { ("\(architecture).attention.\($0)", $1) }
      .filter { checkpoint.metadata[$0.0] == nil }
      .map { ($0, .uint32(UInt32(clamping: $1))) }
  }

  /// Sets what `shape` changes of the model's numbers.
  func describe(_ shape: PlanStructure, in metadata: inout Metadata) throws {
    let configuration = try program.get().configuration
    func set(_ key: String, _ number: Int) {
      let key = "\(architecture).\(key)"
      metadata[key] = metadata[key]?.replacingInteger(with: number) ?? .uint32(UInt32(number))
    }
    if let neurons = shape.neurons { set("feed_forward_length", neurons) }
    if let groups = shape.headGroups {
      set("attention.head_count", groups * (configuration.heads / configuration.keyValueHeads))
      set("attention.head_count_kv", groups)
      for key in headKeys(configuration) { metadata[key.key] = key.value }
    }
    if !shape.removedBlocks.isEmpty {
      set("block_count", configuration.blockCount - shape.removedBlocks.count)
    }
  }

  /// The name a tensor has once blocks are gone; `nil` where it goes with one.
  func name(of tensor: String, in shape: PlanStructure) -> String? {
    guard let name = BlockName(tensor) else { return tensor }
    guard !shape.removedBlocks.contains(name.block) else { return nil }
    return name.renumbered(shape.renumbered(name.block))
  }

  /// What a plan takes of a bias; `nil` for tensors that stay or are sites.
  func biasCut(of key: String, plan: Plan) -> RowCut? {
    guard site(named: key) == nil else { return nil }
    return plan.rowCut(of: channelCatalog?.links[key])
  }
}

extension MetadataValue {
  /// `number` in the integer type this value has, where it is one.
  fileprivate func replacingInteger(with number: Int) -> MetadataValue? {
    switch self {
    case .uint8: .uint8(UInt8(clamping: number))
    case .int8: .int8(Int8(clamping: number))
    case .uint16: .uint16(UInt16(clamping: number))
    case .int16: .int16(Int16(clamping: number))
    case .uint32: .uint32(UInt32(clamping: number))
    case .int32: .int32(Int32(clamping: number))
    case .uint64: .uint64(UInt64(clamping: number))
    case .int64: .int64(Int64(number))
    default: nil
    }
  }
}

extension Checkpoint {
  /// The entries `places` of a tensor's first dimension, as the file stores them.
  func slices(_ places: [Int], of record: TensorRecord) -> ByteBuffer {
    let length = record.byteCount / max(record.shape.first ?? 1, 1)
    let result = ByteBuffer(count: places.count * length)
    withBytes(of: record) { stored in
      for (place, index) in places.enumerated() {
        result.slice(place * length, count: length).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: stored[index * length..<(index + 1) * length]))
      }
    }
    return result
  }
}
