import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// A random model whose rows hold K-quants: 256 wide, two blocks, made anew for each test.
struct WideModel {
  static let width = 256
  private static let feedForwardWidth = 288
  private static let vocabulary = 40

  let directory: TemporaryDirectory
  let path: String

  /// Writes the model to a temporary directory.
  init(seed: UInt64 = 1) throws {
    directory = try TemporaryDirectory()
    path = directory.file("wide.gguf")
    let layout = try GGUFLayout(metadata: Self.metadata, tensors: Self.tensors)
    try Self.write(layout, to: path, seed: seed)
  }

  func model() throws -> Model { try Model(path: path) }

  static func write(
    _ layout: GGUFLayout, to path: String, seed: UInt64
  ) throws {
    try GGUFWriter.write(layout, to: path) { index, sink in
      let record = layout.records[index]
      let place = tensors.firstIndex { $0.name == record.name } ?? 0
      var random = RandomSource(seed: seed &* 1000 &+ UInt64(place))
      let values = (0..<record.elementCount).map { _ in Float(random.nextUnit() - 0.5) / 4 }
      try sink.write(try encode(values, record))
    }
  }

  private static func encode(_ values: [Float], _ record: TensorRecord) throws -> [UInt8] {
    guard record.type != .f32 else {
      return values.withUnsafeBytes { Array($0) }
    }
    var bytes = [UInt8](repeating: 0, count: record.byteCount)
    let columns = record.shape.last ?? 1
    try values.withUnsafeBufferPointer { values in
      try bytes.withUnsafeMutableBytes { bytes in
        try record.type.encode(
          values, rows: values.count / columns, columns: columns, into: bytes)
      }
    }
    return bytes
  }

  /// Keys in an order of its own, with some no reader of ours asks for.
  static var metadata: Metadata {
    var metadata = Metadata()
    metadata["general.architecture"] = .string("llama")
    metadata["zebra.note"] = .string("kept \u{1F993}")
    metadata["llama.context_length"] = .uint32(64)
    metadata["llama.embedding_length"] = .uint32(UInt32(width))
    metadata["llama.block_count"] = .uint32(2)
    metadata["llama.feed_forward_length"] = .uint32(UInt32(feedForwardWidth))
    metadata["llama.attention.head_count"] = .uint32(4)
    metadata["llama.attention.layer_norm_rms_epsilon"] = .float32(1e-5)
    metadata["general.file_type"] = .uint32(1)
    metadata["a.list"] = .array(
      MetadataArray(elementType: .string, values: [.string("x"), .string(""), .string("z")]))
    metadata["a.number"] = .float64(0.1)
    return metadata
  }

  static var tensors: [GGUFLayout.Tensor] {
    var tensors = [
      GGUFLayout.Tensor(name: "token_embd.weight", shape: [vocabulary, width], type: .f16)
    ]
    for block in 0..<2 {
      let prefix = "blk.\(block)."
      func matrix(_ name: String, _ rows: Int, _ columns: Int, _ type: StorageType = .f16) {
        tensors.append(
          GGUFLayout.Tensor(name: "\(prefix)\(name).weight", shape: [rows, columns], type: type))
      }
      tensors.append(
        GGUFLayout.Tensor(name: "\(prefix)attn_norm.weight", shape: [width], type: .f32))
      matrix("attn_q", width, width, .q8_0)
      matrix("attn_k", width, width)
      matrix("attn_v", width, width, .f32)
      matrix("attn_output", width, width, .bf16)
      tensors.append(
        GGUFLayout.Tensor(name: "\(prefix)ffn_norm.weight", shape: [width], type: .f32))
      matrix("ffn_gate", feedForwardWidth, width)
      matrix("ffn_up", feedForwardWidth, width, .q6_K)
      matrix("ffn_down", width, feedForwardWidth)
    }
    tensors.append(GGUFLayout.Tensor(name: "output_norm.weight", shape: [width], type: .f32))
    return tensors
  }
}
