public import ViseCompression
import ViseFormats
public import ViseTensor

/// Writes a planned model as a GGUF file that other runtimes load.
public struct ModelExporter: Sendable {
  private let model: Model
  private let calibration: (any CalibrationSource)?
  private let pool: ComputePool
  private let factors = InputFactorCache()

  public init(model: Model, calibration: (any CalibrationSource)? = nil, pool: ComputePool) {
    self.model = model
    self.calibration = calibration
    self.pool = pool
  }

  /// Writes `plan` to `path`, beside it first and renamed when whole, and returns its bytes.
  ///
  /// Untreated tensors are copied byte for byte. Treated ones are encoded from the reference
  /// values by the same code that evaluation uses, so the file decodes to what was measured.
  /// - Parameter progress: called with the bytes of tensor data written so far and their total.
  /// - Throws: `WriteError` (the file exists, the disk is full …), `ExportError`, `ModelError`,
  ///   `CancelledError`; no file is left behind.
  @discardableResult
  public func export(
    _ plan: Plan, to path: String, replacing: Bool = false, cancellation: CancellationFlag,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Int {
    let layout = try model.exportLayout(of: plan)
    let sites = Dictionary(uniqueKeysWithValues: model.sites.map { ($0.name, $0) })
    let total = layout.records.reduce(0) { $0 + $1.byteCount }
    var done = 0
    try GGUFWriter.write(layout, to: path, replacing: replacing) { index, sink in
      try cancellation.check()
      let source = model.checkpoint.tensors[index]
      if let site = sites[source.name], let treatment = plan.change(of: site) {
        let data = try encode(site, under: treatment, cancellation: cancellation)
        try withExtendedLifetime(data) { try sink.write($0.bytes) }
      } else {
        try model.checkpoint.withBytes(of: source) { try sink.write($0) }
      }
      done += layout.records[index].byteCount
      progress(done, total)
    }
    return layout.byteCount
  }

  /// The file's bytes of `site` under `treatment`.
  func encode(
    _ site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> ByteBuffer {
    let source = try model.decodeWeight(site.name)
    let work = RowWork(pool: pool, cancellation: cancellation)
    let compressed: CompressedSite
    do {
      compressed = try SiteCompression(
        treatment: treatment, calibration: calibration, factors: factors, work: work
      ).compress(source, site: site)
    } catch let error as CompressionError {
      throw ModelError.treatmentFailed(site: site.name, treatment: treatment.name, reason: error)
    }
    guard case .dense(let encoded) = compressed.storage, let data = encoded.parts.first?.bytes
    else { preconditionFailure("the layout admits only what GGUF can hold") }
    return data
  }
}
