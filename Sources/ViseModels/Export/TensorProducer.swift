import ViseCompression
import ViseFormats
import ViseTensor

/// A tensor of plain floats: a weight, treated or not, in the form and order another file has it.
struct DenseTensor {
  /// The weight's key in the source.
  let key: String
  /// The site with what is done to it; `nil` for the reference's values.
  let change: (site: Site, treatment: Treatment)?
  let type: FloatType
  /// What another site's pruning takes of a bias.
  let cut: RowCut?
  /// The site whose mean error a bias takes up.
  let correction: BiasChange.Correction?
  /// How the file that is written stores it.
  let storage: WeightStorage
  let order: RowOrder
}

/// A bias that is not as the source has it.
struct BiasChange {
  typealias Correction = (site: Site, treatment: Treatment)

  let record: TensorRecord
  /// What another site's pruning takes of it.
  let cut: RowCut?
  /// The site whose mean error it takes up.
  let correction: Correction?

  /// `nil` where `plan` leaves the tensor as it is.
  init?(_ record: TensorRecord, plan: Plan, model: Model) {
    self.record = record
    cut = model.biasCut(of: record.name, plan: plan)
    correction = plan.correction(ofBias: record.name, among: model.sites)
    if cut == nil, correction == nil { return nil }
  }
}

/// Makes the bytes of exported tensors.
struct TensorProducer {
  let model: Model
  let compress: (Site, Treatment) throws -> CompressedSite
  let keptRows: (RowCut) throws -> [Int]
  let correctedBias: (BiasChange.Correction) throws -> Matrix

  /// One buffer a tensor of `job`, which is not `.stored`.
  func buffers(of job: TensorJob) throws -> [ByteBuffer] {
    switch job.content {
    case .stored: []
    case .bias(let change): [try bias(change)]
    case .parts(let site, let treatment): try compress(site, treatment).storedBytes
    case .packed(let site, let treatment, let order):
      PackedWeight(try compress(site, treatment), order: order).buffers
    case .floats(let tensor): [try floats(tensor)]
    }
  }

  /// A bias in the source's own type.
  func bias(_ change: BiasChange) throws -> ByteBuffer {
    let record = change.record
    guard let correction = change.correction else {
      return model.checkpoint.slices(
        try change.cut.map(keptRows) ?? Array(0..<record.elementCount), of: record)
    }
    let storage = model.storages[record.name] ?? .plain
    let values = storage.store(try remaining(of: correctedBias(correction), change.cut))
    return try (FloatType(record.type) ?? .f32).encode(values)
  }

  private func remaining(of bias: Matrix, _ cut: RowCut?) throws -> Matrix {
    try cut.map { bias.columns(at: try keptRows($0)) } ?? bias
  }

  private func floats(_ tensor: DenseTensor) throws -> ByteBuffer {
    let values =
      if let (site, treatment) = tensor.change {
        try compress(site, treatment).values()
      } else if let correction = tensor.correction {
        try remaining(of: correctedBias(correction), tensor.cut)
      } else {
        try remaining(of: model.decodeWeight(tensor.key), tensor.cut)
      }
    return try tensor.type.encode(tensor.storage.store(values.rows(in: tensor.order)))
  }
}

extension WeightStorage {
  /// What a file holds of `weight`, the inverse of `restore`.
  func store(_ weight: Matrix) -> Matrix {
    switch self {
    case .plain: return weight
    case .transposed: return restore(weight)
    case .minusOne:
      let result = weight.copy()
      for index in 0..<result.count { result.pointer[index] -= 1 }
      return result
    }
  }
}

extension Matrix {
  /// The rows as `order` has them.
  func rows(in order: RowOrder) -> Matrix {
    guard order != .same else { return self }
    // A bias is one row, and its elements are what has an order.
    let (count, length) = rows == 1 ? (columns, 1) : (rows, columns)
    let result = Matrix(rows: rows, columns: columns)
    withExtendedLifetime(self) {
      for index in 0..<count {
        (result.pointer + index * length)
          .update(from: pointer + order.source(of: index) * length, count: length)
      }
    }
    return result
  }
}

extension FloatType {
  var storage: StorageType {
    switch self {
    case .f16: .f16
    case .bf16: .bf16
    case .f32: .f32
    }
  }

  var element: SafetensorsElement {
    switch self {
    case .f16: .f16
    case .bf16: .bf16
    case .f32: .f32
    }
  }

  /// The type of floats stored as `type`, `nil` for others.
  init?(_ type: StorageType) {
    switch type {
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .f32: self = .f32
    default: return nil
    }
  }

  /// `values`, each rounded to the nearest.
  func encode(_ values: Matrix) throws -> ByteBuffer {
    defer { withExtendedLifetime(values) {} }
    let result = ByteBuffer(count: values.count * element.byteCount)
    if self == .f32 {
      result.storage.copyMemory(
        from: UnsafeRawBufferPointer(start: values.pointer, count: result.count))
    } else {
      try storage.encode(
        UnsafeBufferPointer(start: values.pointer, count: values.count), rows: values.rows,
        columns: values.columns, into: result.slice(0, count: result.count))
    }
    return result
  }
}
