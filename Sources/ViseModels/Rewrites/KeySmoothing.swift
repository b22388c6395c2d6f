import Glibc
public import ViseCompression
import ViseTensor

/// Divides keys by a factor a channel and multiplies queries by it, so that a cache stores keys
/// without outlying channels.
///
/// SmoothAttention (QServe, Lin et al., 2024, eq. 9) folded into the projections, or into the head
/// norms where a model has them. For max|K| stands the root mean square E[k²] = wᵀ·E[x xᵀ]·w, or
/// the head norm's weight; the two channels a rotary pair mixes get one factor.
public struct KeySmoothing: Sendable {
  public let alpha: Double
  private let model: Model
  private let calibration: (any CalibrationSource)?

  /// - Parameter calibration: not needed for models with head norms.
  public init(alpha: Double, model: Model, calibration: (any CalibrationSource)?) {
    self.alpha = alpha
    self.model = model
    self.calibration = calibration
  }

  /// Adds the factors of every attention whose projections it can reach; returns how many.
  public func append(to rewrite: inout ModelRewrite) throws -> Int {
    try BLAS.load()
    let index = GraphIndex(try model.program.get().graph)
    var count = 0
    for node in index.graph.nodes {
      guard case .attention(let shape) = node.operation,
        let queries = Self.source(of: node.inputs[0], index),
        let keys = Self.source(of: node.inputs[1], index)
      else { continue }
      switch (queries, keys) {
      case (.norm(let query), .norm(let key)):
        let factors = factors(
          try model.decodeWeight(key).values.map(abs), Self.rope(of: node.inputs[1], index))
        rewrite.append(.columns(factors.map { 1 / $0 }), to: key)
        rewrite.append(.columns(factors), to: query)
      case (.rows(let query), .rows(let key)):
        try append(query, key, shape, Self.rope(of: node.inputs[1], index), to: &rewrite)
      default: continue
      }
      count += 1
    }
    guard count > 0 else { throw RewriteError.nothingToScale }
    return count
  }

  private enum Source {
    case norm(String)
    case rows(LinearRows)
  }

  /// What makes queries or keys, before their rotation.
  private static func source(of value: ValueID, _ index: GraphIndex) -> Source? {
    guard let node = index.maker(of: value), index.readers(of: value).count == 1 else {
      return nil
    }
    switch node.operation {
    case .rope:
      return source(of: node.inputs[0], index)
    case .rmsNorm(let weight, _, _):
      return index.areUsedOnce([weight]) ? .norm(weight) : nil
    default:
      guard let rows = index.linearSource(of: value),
        index.areUsedOnce([rows.weight] + (rows.bias.map { [$0] } ?? []))
      else { return nil }
      return .rows(rows)
    }
  }

  private static func rope(of value: ValueID, _ index: GraphIndex) -> RopeShape? {
    if case .rope(let shape)? = index.maker(of: value)?.operation { shape } else { nil }
  }

  private func append(
    _ query: LinearRows, _ key: LinearRows, _ shape: AttentionShape, _ rope: RopeShape?,
    to rewrite: inout ModelRewrite
  ) throws {
    let magnitudes = try magnitudes(key)
    let length = shape.headLength
    let keyFactors = (0..<shape.keyValueHeads).flatMap { head in
      factors(Array(magnitudes[head * length..<(head + 1) * length]), rope)
    }
    let group = shape.heads / shape.keyValueHeads
    let queryFactors = (0..<shape.heads * length).map {
      keyFactors[$0 / length / group * length + $0 % length]
    }
    for (rows, factors) in [(key, keyFactors.map { 1 / $0 }), (query, queryFactors)] {
      rewrite.append(.rows(rows.padded(factors)), to: rows.weight)
      if let bias = rows.bias { rewrite.append(.columns(rows.padded(factors)), to: bias) }
    }
  }

  /// Root mean square of each key channel before its rotation.
  private func magnitudes(_ key: LinearRows) throws -> [Float] {
    guard let site = model.site(named: key.weight),
      let statistics = try calibration?.statistics(of: site)
    else { throw RewriteError.needsCalibration(key.weight) }
    let weight = try model.decodeWeight(key.weight).rows(key.range)
    let bias = try key.bias.map { Array(try model.decodeWeight($0).values[key.range]) }
    let product = LinearAlgebra.product(weight, statistics.secondMoment)
    return withExtendedLifetime((weight, product)) {
      (0..<weight.rows).map { row in
        var square = Kernels.dot(product.row(row), weight.row(row), count: weight.columns)
        if let bias {
          let mean = Kernels.dot(weight.row(row), statistics.mean, count: weight.columns)
          square += 2 * mean * Double(bias[row]) + Double(bias[row] * bias[row])
        }
        return Float(max(square, 0).squareRoot())
      }
    }
  }

  /// The factors of one head's channels; those that are not rotated have no partner.
  private func factors(_ magnitudes: [Float], _ rope: RopeShape?) -> [Float] {
    let rotated = rope?.table.rotary ?? 0
    let paired = Smoothing.keyFactors(
      inputs: Array(magnitudes[..<rotated]), alpha: alpha,
      isInterleaved: rope?.isInterleaved ?? false)
    return paired + magnitudes[rotated...].map { $0 > 0 ? Float(pow(Double($0), alpha)) : 1 }
  }
}
