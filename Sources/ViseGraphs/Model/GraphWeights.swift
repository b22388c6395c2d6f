public import ViseCompression
import ViseFormats
public import ViseTensor

/// The weights of a graph's sites as matrices, and what treatments make of them.
public struct GraphWeights: Sendable {
  private let model: GraphModel
  private let tensors: [String: ONNXTensor]
  private let factors = InputFactorCache()

  public init(_ model: GraphModel) {
    self.model = model
    tensors = Dictionary(
      model.source.graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }
    )
  }

  /// The site's weight as outputs × inputs.
  public func matrix(of site: GraphSite) throws -> Matrix {
    guard site.isTreatable, let tensor = tensors[site.site.name]?.tensor else {
      throw OperatorFault.unsupportedType(input: 0, site.type)
    }
    let context = KernelContext(pool: nil, work: RowWork(pool: nil), byteLimit: .max / 16)
    let values = try TypeConversion.convert(tensor, to: .float32, context)
    let (rows, columns) = (site.site.rows, site.site.columns)
    let stored =
      site.isTransposed
      ? Matrix(rows: columns, columns: rows) : Matrix(rows: rows, columns: columns)
    withExtendedLifetime(values) {
      stored.pointer.update(from: values.pointer(Float.self), count: stored.count)
    }
    return site.isTransposed ? stored.transposed() : stored
  }

  /// What `treatment` stores of the site's weight, and the values that decodes to, outputs × inputs.
  ///
  /// - Throws: `CompressionError` too where the treatment removes channels, which changes other sites.
  public func treated(
    _ site: GraphSite, under treatment: Treatment, calibration: (any CalibrationSource)?,
    work: RowWork
  ) throws -> (stored: CompressedSite, values: Matrix) {
    guard !treatment.removesChannels else {
      throw CompressionError.unsuitable("removed channels are seen in the whole graph alone")
    }
    let stored = try compressed(
      try matrix(of: site), of: site, under: treatment, calibration: calibration, work: work)
    return (stored, try stored.values(work: work))
  }

  /// What `treatment` makes of the site's weight.
  func compressed(
    _ weight: Matrix, of site: GraphSite, under treatment: Treatment,
    calibration: (any CalibrationSource)?, work: RowWork
  ) throws -> CompressedSite {
    var alone = treatment.afterReduction(of: site.site)
    alone.inputs = nil
    return try SiteCompression(
      treatment: alone, calibration: calibration, factors: factors, work: work
    ).compress(weight, site: site.site)
  }

  /// `values`, outputs × inputs, as the file has them: its shape, order and type of floats.
  func tensor(of site: GraphSite, _ values: Matrix) throws -> Tensor {
    let stored = site.isTransposed ? values.transposed() : values
    let result = Tensor(.float32, site.shape)
    withExtendedLifetime(stored) {
      result.pointer(Float.self).update(from: stored.pointer, count: result.count)
    }
    let context = KernelContext(pool: nil, work: RowWork(pool: nil), byteLimit: .max / 16)
    return try TypeConversion.convert(result, to: site.type, context)
  }
}
