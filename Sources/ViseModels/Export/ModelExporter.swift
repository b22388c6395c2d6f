import Synchronization
public import ViseCompression
import ViseFormats
public import ViseTensor

/// Writes a planned model as a GGUF file that other runtimes load.
public struct ModelExporter: Sendable {
  private let model: Model
  private let pool: ComputePool

  public init(model: Model, pool: ComputePool) {
    self.model = model
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
      if let site = sites[source.name], let format = plan.newFormat(for: site) {
        try sink.write(try encode(site, in: format, cancellation: cancellation))
      } else {
        try model.checkpoint.withBytes(of: source) { try sink.write($0) }
      }
      done += layout.records[index].byteCount
      progress(done, total)
    }
    return layout.byteCount
  }

  /// The bytes of `site` in `format`, rows spread over the pool's threads.
  func encode(
    _ site: Site, in format: NumberFormat, cancellation: CancellationFlag
  ) throws -> [UInt8] {
    let source = try model.decodeWeight(site.name)
    guard let rowBytes = format.byteCount(rows: 1, columns: source.columns) else {
      throw ModelError.treatmentDoesNotFit(site: site.name, treatment: format.name)
    }
    let bytes = SharedBytes(count: rowBytes * source.rows)
    defer { withExtendedLifetime(source) {} }
    let chunk = max(1, 65_536 / source.columns)
    try pool.forEach((source.rows + chunk - 1) / chunk) { item, _ in
      try cancellation.check()
      let first = item * chunk
      let rows = min(chunk, source.rows - first)
      try format.encode(
        UnsafeBufferPointer(start: source.row(first), count: rows * source.columns), rows: rows,
        columns: source.columns, into: bytes.slice(first * rowBytes, count: rows * rowBytes))
    }
    return bytes.array
  }
}

/// Bytes that several threads fill, each its own part.
private final class SharedBytes {
  private let storage: UnsafeMutableRawBufferPointer

  init(count: Int) {
    storage = .allocate(byteCount: count, alignment: 64)
  }

  deinit {
    storage.deallocate()
  }

  func slice(_ start: Int, count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: storage[start..<start + count])
  }

  var array: [UInt8] { Array(storage) }
}

// SAFETY: Threads write disjoint slices, and `array` is read after all of them have ended.
extension SharedBytes: @unchecked Sendable {}
