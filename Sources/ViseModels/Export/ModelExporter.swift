public import ViseCompression
import ViseFormats
public import ViseTensor

/// Writes a planned model as files that other runtimes load.
public struct ModelExporter: Sendable {
  private let model: Model
  private let usesCalibration: Bool
  /// Bytes to keep to beside the mapped file; `nil` for any.
  private let byteBudget: Int?
  private let pool: ComputePool
  private let reducer: SiteReducer

  /// - Parameters:
  ///   - levels: where treated sites are looked up and kept.
  ///   - byteBudget: bytes to keep to beside the mapped file, as far as one layer allows: GGUF files
  ///     are then written from a few rows at a time of layers that are larger.
  public init(
    model: Model, calibration: (any CalibrationSource)? = nil, levels: LevelDatabase? = nil,
    pool: ComputePool, byteBudget: Int? = nil
  ) {
    self.model = model
    self.byteBudget = byteBudget
    usesCalibration = calibration != nil
    self.pool = pool
    reducer = SiteReducer(model: model, calibration: calibration, levels: levels) {
      try model.decodeWeight($0)
    }
  }

  /// Writes `plan` to `path`, beside it first and renamed when whole, and returns its bytes.
  ///
  /// Untreated tensors are copied byte for byte where the target has their type. Treated ones are
  /// encoded from the reference values by the same code that evaluation uses, so the file decodes to
  /// what was measured. A target that is a folder gets `model.safetensors`, `config.json`
  /// and the tokenizer files that lie beside a safetensors source.
  /// - Parameters:
  ///   - floats: how folders store what is not quantized.
  ///   - progress: called with the bytes of tensor data written so far and their total.
  /// - Throws: `WriteError` (the file exists, the disk is full …), `ExportError`, `ModelError`,
  ///   `CancelledError`; no file is left behind.
  @discardableResult
  public func export(
    _ plan: Plan, to path: String, as target: ExportTarget = .gguf, floats: FloatType = .f16,
    replacing: Bool = false, cancellation: CancellationFlag,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Int {
    if target == .gguf {
      return try exportGGUF(
        plan, to: path, replacing: replacing, cancellation: cancellation, progress: progress)
    }
    let export = try model.safetensorsExport(of: plan, as: target, floats: floats)
    guard let configuration = export.configurationText else {
      try write(
        export, to: path, replacing: replacing, cancellation: cancellation, progress: progress)
      return export.byteCount
    }
    let folder = try ExportFolder(path: path, replacing: replacing)
    try write(
      export, to: folder.file("model.safetensors"), replacing: replacing,
      cancellation: cancellation, progress: progress)
    try TextFile.write(configuration, to: folder.file("config.json"), replacing: replacing)
    try folder.copyCompanions(of: model.checkpoint, replacing: replacing)
    try folder.commit()
    return export.byteCount
  }

  private func exportGGUF(
    _ plan: Plan, to path: String, replacing: Bool, cancellation: CancellationFlag,
    progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> Int {
    let (layout, sources) = try model.ggufExport(of: plan)
    let sites = Dictionary(uniqueKeysWithValues: model.sites.map { ($0.name, $0) })
    let total = layout.records.reduce(0) { $0 + $1.byteCount }
    let producer = producer(cancellation)
    var done = 0
    try GGUFWriter.write(layout, to: path, replacing: replacing) { index, sink in
      try cancellation.check()
      let source = sources[index]
      if let site = sites[source.name], let treatment = plan.change(of: site),
        let length = rowsAtOnce(site, treatment)
      {
        if usesCalibration { try BLAS.load() }
        for first in stride(from: 0, to: site.rows, by: length) {
          let part = try reducer.compress(
            rows: first..<min(first + length, site.rows), of: site, treatment,
            work: work(cancellation))
          for data in part.storedBytes {
            try withExtendedLifetime(data) { try sink.write($0.bytes) }
          }
        }
      } else if let site = sites[source.name], let treatment = plan.change(of: site) {
        let compressed = try compress(site, under: treatment, cancellation: cancellation)
        guard let data = compressed.storedBytes.first else {
          preconditionFailure("the layout admits only what GGUF can hold")
        }
        try withExtendedLifetime(data) { try sink.write($0.bytes) }
      } else if let change = BiasChange(source, plan: plan, model: model) {
        try withExtendedLifetime(try producer.bias(change)) { try sink.write($0.bytes) }
      } else {
        try model.checkpoint.withBytes(of: source) { try sink.write($0) }
      }
      done += layout.records[index].byteCount
      progress(done, total)
    }
    return layout.byteCount
  }

  /// Rows are taken in multiples of what solvers take at once, so that parts are what the whole
  /// would be, bit for bit.
  private static let rowUnit = 1536

  /// How many rows of a layer are encoded at a time; `nil` for all.
  private func rowsAtOnce(_ site: Site, _ treatment: Treatment) -> Int? {
    guard let byteBudget, treatment.isFormatOnly, (model.storages[site.name] ?? .plain) == .plain
    else { return nil }
    // Beside its values, a layer has its stored form, and a pruned or refitted copy at times.
    let rowBytes = site.columns * MemoryLayout<Float>.stride * 2
    guard rowBytes * site.rows > byteBudget else { return nil }
    let rows = max(byteBudget / 2 / max(rowBytes, 1) / Self.rowUnit, 1) * Self.rowUnit
    return rows < site.rows ? rows : nil
  }

  private func write(
    _ export: SafetensorsExport, to path: String, replacing: Bool,
    cancellation: CancellationFlag, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    let producer = producer(cancellation)
    let places = export.jobs.flatMap { job in job.tensors.indices.map { (job, $0) } }
    let total = export.layout.byteCounts.reduce(0, +)
    var buffers: [ByteBuffer] = []
    var done = 0
    try SafetensorsWriter.write(export.layout, to: path, replacing: replacing) { index, sink in
      try cancellation.check()
      let (job, part) = places[index]
      if case .stored(let record) = job.content {
        try model.checkpoint.withBytes(of: record) { try sink.write($0) }
      } else {
        if part == 0 { buffers = try producer.buffers(of: job) }
        try withExtendedLifetime(buffers[part]) { try sink.write($0.bytes) }
      }
      done += export.layout.byteCounts[index]
      progress(done, total)
    }
  }

  private func producer(_ cancellation: CancellationFlag) -> TensorProducer {
    TensorProducer(
      model: model, compress: { try compress($0, under: $1, cancellation: cancellation) },
      keptRows: { try reducer.keptRows($0, work: work(cancellation)) },
      correctedBias: {
        try BLAS.load()
        return try reducer.correctedBias(
          of: $0.site, $0.treatment, work: work(cancellation))
      })
  }

  /// `site` under `treatment`, as evaluation sees it.
  private func compress(
    _ site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> CompressedSite {
    let needsBLAS =
      treatment.form != .whole || treatment.sparsity != nil || treatment.needsCalibration
      || treatment.removesChannels
    if needsBLAS || usesCalibration { try BLAS.load() }
    return try reducer.compress(site, treatment, work: work(cancellation))
  }

  private func work(_ cancellation: CancellationFlag) -> RowWork {
    RowWork(pool: pool, cancellation: cancellation)
  }
}

extension Model {
  /// The safetensors file `plan` becomes as `target`, which is not GGUF.
  func safetensorsExport(
    of plan: Plan, as target: ExportTarget, floats: FloatType
  ) throws -> SafetensorsExport {
    switch target {
    case .gguf: preconditionFailure("GGUF is no safetensors file")
    case .safetensors: try viseExport(of: plan)
    case .compressedTensors: try compressedTensorsExport(of: plan, floats: floats)
    case .dense: try denseExport(of: plan, floats: floats)
    }
  }

  /// Exact bytes of all files `plan` becomes as `target`; throws where it cannot hold the plan.
  public func exportByteCount(
    of plan: Plan, as target: ExportTarget, floats: FloatType = .f16
  ) throws -> Int {
    target == .gguf
      ? try exportLayout(of: plan).byteCount
      : try safetensorsExport(of: plan, as: target, floats: floats).byteCount
  }
}
