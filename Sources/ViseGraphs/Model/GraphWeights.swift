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

  /// The site's tensor with the values that `treatment` leaves, which are float32.
  public func tensor(
    of site: GraphSite, under treatment: Treatment, work: RowWork
  ) throws -> Tensor {
    let compressed = try SiteCompression(
      treatment: treatment, calibration: nil, factors: factors, work: work
    ).compress(try matrix(of: site), site: site.site)
    let values = try compressed.values(work: work)
    let stored = site.isTransposed ? values.transposed() : values
    let result = Tensor(.float32, site.shape)
    withExtendedLifetime(stored) {
      result.pointer(Float.self).update(from: stored.pointer, count: result.count)
    }
    return result
  }

  /// By value of `program`, the tensors that `plan` puts in the place of the file's.
  public func replacements(
    _ plan: Plan, in program: GraphProgram, work: RowWork
  ) throws -> [Int: Tensor] {
    var result: [Int: Tensor] = [:]
    for site in model.sites {
      guard let treatment = plan.change(of: site.site),
        let value = program.value(named: site.site.name)
      else { continue }
      result[value] = try tensor(of: site, under: treatment, work: work)
    }
    return result
  }
}
