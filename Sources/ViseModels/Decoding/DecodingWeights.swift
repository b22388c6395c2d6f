import ViseCompression
import ViseFormats
import ViseTensor

/// The weights of a model under a plan, in the form decoding multiplies with.
///
/// Weights stay in the bits of the file, or of what the plan stores. Formats without packed
/// products, and sites whose channels a plan removes, are multiplied as floats.
struct DecodingWeights {
  let model: Model
  let plan: Plan
  /// Makes treated sites; without one they have any values.
  let compressor: SiteCompressor?
  let pool: ComputePool
  let cancellation: CancellationFlag
  /// What multiplies with weights under plans.
  let products: DecodingProducts
  let arena = WeightArena()

  /// The factors of `key`, in the order activations meet them; one where it is not factored.
  func factors(of key: String) throws -> [DecodingWeight] {
    guard let site = model.site(named: key), let treatment = plan.change(of: site) else {
      return [try weight(try rows(of: key))]
    }
    guard let compressor else {
      let work = RowWork(pool: pool, cancellation: cancellation)
      return try products.products(of: site, under: treatment)
        .map { try DecodingWeight(filledFor: $0, in: arena, work: work) }
    }
    if treatment.removesChannels {
      return [.rows(floats(try compressor.values(of: site, under: treatment)))]
    }
    let made = try compressor.stored(site, under: treatment, on: pool, cancellation: cancellation)
    switch made.storage {
    case .dense(let encoded):
      return [
        try weight(
          try rows(encoded, made.format) ?? floats(try made.values()),
          mayBeSparse: products.mayBeSparse(treatment))
      ]
    case .factors(let parts):
      let factors = try parts.compactMap { try rows($0, made.format) }
      guard case .lowRank = treatment.form, factors.count == 2 else {
        return [.rows(floats(try made.values()))]
      }
      return [try weight(factors[1]), try weight(factors[0])]
    }
  }

  /// Rows of an embedding, to be read one at a time.
  func table(_ key: String) throws -> WeightRows {
    guard let compressor, let site = model.site(named: key),
      let treatment = plan.change(of: site)
    else {
      return try rows(of: key)
    }
    if !treatment.removesChannels {
      let made = try compressor.stored(site, under: treatment, on: pool, cancellation: cancellation)
      if case .dense(let encoded) = made.storage, let table = try rows(encoded, made.format) {
        return table
      }
    }
    return floats(try compressor.values(of: site, under: treatment))
  }

  /// A vector, such as a norm's weight or a bias.
  func vector(_ key: String) throws -> Matrix {
    guard let compressor,
      let (site, treatment) = plan.correction(ofBias: key, among: model.sites)
    else {
      return try model.decodeWeight(key)
    }
    return try compressor.correctedBias(of: site, under: treatment)
  }

  private func rows(of key: String) throws -> WeightRows {
    guard let record = model.checkpoint.record(named: key) else {
      throw ModelError.missingWeight(key)
    }
    let isPlain = model.storages[key].map { $0 == .plain } ?? true
    let columns = record.shape.last ?? 1
    guard isPlain, record.shape.count == 2, record.type.isDecodable,
      record.type.byteCount(elements: columns) != nil
    else { return floats(try model.decodeWeight(key)) }
    return WeightRows(
      source: .file(model.checkpoint, record), type: record.type, rows: record.shape[0],
      columns: columns)
  }

  private func rows(_ encoded: EncodedWeight, _ format: NumberFormat) throws -> WeightRows? {
    guard case .ggml(let type) = format else {
      return try PackedIntegers.rows(
        encoded, format: format, work: RowWork(pool: pool, cancellation: cancellation))
    }
    guard type.isDecodable, let bytes = encoded.parts.first?.bytes, encoded.parts.count == 1,
      let rowByteCount = type.byteCount(elements: encoded.columns),
      bytes.count >= rowByteCount * encoded.rows
    else { return nil }
    return WeightRows(
      source: .bytes(bytes), type: type, rows: encoded.rows, columns: encoded.columns)
  }

  private func floats(_ matrix: Matrix) -> WeightRows {
    WeightRows(source: .floats(matrix), type: .f32, rows: matrix.rows, columns: matrix.columns)
  }

  private func weight(
    _ rows: WeightRows, mayBeSparse: Bool = false
  ) throws -> DecodingWeight {
    guard PackedMatrix.supports(rows.type, columns: rows.columns) else { return .rows(rows) }
    let count = rows.rows * rows.rowByteCount
    return try rows.withRows(0..<rows.rows) { start in
      Swift.Result {
        DecodingWeight.packed(
          try PackedMatrix(
            UnsafeRawBufferPointer(start: start, count: count), type: rows.type, rows: rows.rows,
            columns: rows.columns, mayBeSparse: mayBeSparse, in: arena,
            work: RowWork(pool: pool, cancellation: cancellation)))
      }
    }.get()
  }
}
