import ViseFormats
public import ViseTensor

/// Writes a rewritten model as a GGUF file that opens like any other.
///
/// Metadata and tokenizer are the source's. Rewritten matrices become floats, vectors F32; all else
/// is copied byte for byte.
public struct RewriteWriter: Sendable {
  private let model: Model
  private let rewrite: ModelRewrite
  /// How rewritten matrices are stored.
  private let floats: FloatType

  public init(model: Model, rewrite: ModelRewrite, floats: FloatType = .f16) {
    self.model = model
    self.rewrite = rewrite
    self.floats = floats
  }

  /// Names the rewrites in the new file's metadata.
  private static let noteKey = "vise.rewrite"

  /// Writes the file and returns its bytes.
  @discardableResult
  public func write(
    to path: String, replacing: Bool = false, cancellation: CancellationFlag,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Int {
    guard model.checkpoint.format == .gguf else { throw ExportError.sourceIsNotGGUF }
    try BLAS.load()
    let layout = try layout()
    let total = layout.records.reduce(0) { $0 + $1.byteCount }
    var done = 0
    try GGUFWriter.write(layout, to: path, replacing: replacing) { index, sink in
      try cancellation.check()
      let record = layout.records[index]
      if rewrite.steps[record.name] != nil {
        let bytes = try encoded(record)
        try withExtendedLifetime(bytes) { try sink.write($0.bytes) }
      } else if let source = model.checkpoint.record(named: record.name) {
        try model.checkpoint.withBytes(of: source) { try sink.write($0) }
      }
      done += record.byteCount
      progress(done, total)
    }
    return layout.byteCount
  }

  private func encoded(_ record: TensorRecord) throws -> ByteBuffer {
    let values = try rewrite.weight(record.name, of: model)
    let limit: Float = record.type == .f16 ? 65_504 : .greatestFiniteMagnitude
    let fits = withExtendedLifetime(values) {
      UnsafeBufferPointer(start: values.pointer, count: values.count).allSatisfy {
        abs($0) <= limit
      }
    }
    guard fits else { throw RewriteError.overflow(weight: record.name) }
    return try (record.shape.count > 1 ? floats : .f32).encode(values)
  }

  private func layout() throws -> GGUFLayout {
    var tensors = model.checkpoint.tensors.map { source in
      GGUFLayout.Tensor(
        name: source.name, shape: rewrite.shape(of: source.name, from: source.shape),
        type: rewrite.steps[source.name] == nil ? source.type : type(shape: source.shape))
    }
    if let head = rewrite.untiedHead,
      let tied = model.checkpoint.record(named: try model.program.get().graph.head)
    {
      tensors.append(
        GGUFLayout.Tensor(name: head, shape: tied.shape, type: type(shape: tied.shape)))
    }
    var metadata = model.checkpoint.metadata
    let types = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.type) })
    metadata["general.file_type"] = .uint32(
      FileTypeNumber.describing(types, of: model.checkpoint))
    if rewrite.valueLength != nil || rewrite.keyLength != nil {
      let own = try model.program.get().configuration
      let prefix = "\(model.architecture).attention"
      let (keys, values) = (rewrite.keyLength ?? own.headLength, rewrite.valueLength)
      metadata["\(prefix).key_length"] = .uint32(UInt32(keys))
      metadata["\(prefix).value_length"] = .uint32(UInt32(values ?? own.valueLength))
    }
    let earlier = metadata[Self.noteKey]?.asString.map { [$0] } ?? []
    metadata[Self.noteKey] = .string((earlier + rewrite.notes).joined(separator: "; "))
    return try GGUFLayout(metadata: metadata, tensors: tensors)
  }

  private func type(shape: [Int]) -> StorageType {
    guard shape.count > 1 else { return .f32 }
    switch floats {
    case .f16: return .f16
    case .bf16: return .bf16
    case .f32: return .f32
    }
  }
}
