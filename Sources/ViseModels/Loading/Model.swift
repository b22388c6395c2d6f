public import ViseCompression
public import ViseFormats
public import ViseTensor

/// A checkpoint with its sites and, where Vise knows the architecture, a graph that runs.
public final class Model: Sendable {
  public let checkpoint: Checkpoint
  /// Such as `llama`; what the file says where Vise does not know it.
  public let architecture: String
  /// The graph with the numbers that shaped it, or why there is none.
  public let program: Result<Program, ModelError>
  /// Weights that can be treated, in the order of the data's path.
  public let sites: [Site]
  /// A hash of the header and of samples of each tensor; keys what is stored about the model.
  public let fingerprint: String
  /// Storage of the keys that are not stored plainly.
  let storages: [String: WeightStorage]
  /// Which layers make which channels; `nil` where the architecture is unknown.
  let channelCatalog: ChannelCatalog?

  /// What it takes to run the model.
  public struct Program: Sendable {
    public let configuration: DecoderConfiguration
    public let graph: Graph
  }

  /// Opens the checkpoint at `path` and lists its sites; no weight is read.
  public convenience init(path: String) throws(CheckpointError) {
    self.init(checkpoint: try Checkpoint.open(path))
  }

  public init(checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    let naming = CheckpointNaming(checkpoint)
    architecture = naming.architecture
    storages = naming.storages
    let plainSites = SiteCatalog.sites(
      tensors: checkpoint.tensors, names: naming.names,
      transposed: Set(naming.storages.filter { $0.value == .transposed }.keys))
    fingerprint = ModelFingerprint.compute(checkpoint)
    do throws(ModelError) {
      let configuration = try naming.configuration(checkpoint)
      guard let builder = ArchitectureRegistry.architectures[configuration.architecture] else {
        throw .unsupportedArchitecture(configuration.architecture)
      }
      let graph = try builder.graph(configuration, names: naming.names)
      try ShapeCheck.check(graph, configuration, checkpoint, storages: naming.storages)
      program = .success(Program(configuration: configuration, graph: graph))
      let catalog = ChannelCatalog(configuration, names: naming.names)
      let biases = graph.biases
      sites = plainSites.map { catalog.annotated($0, bias: biases[$0.name]) }
      channelCatalog = catalog
    } catch {
      program = .failure(error)
      sites = plainSites
      channelCatalog = nil
    }
  }

  /// The site whose key is `name`.
  public func site(named name: String) -> Site? { sites.first { $0.name == name } }

  public var parameterCount: Int {
    checkpoint.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  public var fileByteCount: Int { checkpoint.byteCount }

  /// The model's name from its metadata, or the file's; untrusted text.
  public var name: String {
    if let name = checkpoint.metadata["general.name"]?.asString, !name.isEmpty { return name }
    return checkpoint.path.split(separator: "/").last.map(String.init) ?? checkpoint.path
  }

  /// The weight `key` as the graph computes with it: outputs × inputs; a vector is one row.
  public func decodeWeight(_ key: String) throws(ModelError) -> Matrix {
    guard let record = checkpoint.record(named: key) else { throw .missingWeight(key) }
    let columns = record.shape.last ?? 1
    let rows = record.shape.reduce(1, *) / max(columns, 1)
    let matrix = Matrix(rows: rows, columns: columns)
    do {
      try checkpoint.withBytes(of: record) { bytes in
        try record.type.decode(
          bytes, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
      }
    } catch {
      throw .undecodable(weight: key, type: record.type.name)
    }
    return (storages[key] ?? .plain).restore(matrix)
  }
}

extension Model {
  /// Some rows of the weight `key`, which the file must hold row by row (`WeightStorage.plain`).
  func decodeRows(_ rows: Range<Int>, of key: String) throws(ModelError) -> Matrix {
    guard let record = checkpoint.record(named: key), (storages[key] ?? .plain) == .plain,
      let columns = record.shape.last, record.shape.count == 2, rows.upperBound <= record.shape[0]
    else { throw .missingWeight(key) }
    let matrix = Matrix(rows: rows.count, columns: columns)
    let rowBytes = record.byteCount / max(record.shape[0], 1)
    do {
      try checkpoint.withBytes(of: record) { bytes in
        let slice = bytes[rows.lowerBound * rowBytes..<rows.upperBound * rowBytes]
        try record.type.decode(
          UnsafeRawBufferPointer(rebasing: slice),
          into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
      }
    } catch {
      throw .undecodable(weight: key, type: record.type.name)
    }
    return matrix
  }
}

extension WeightStorage {
  /// The weight as the graph computes with it.
  func restore(_ stored: Matrix) -> Matrix {
    switch self {
    case .plain:
      break
    case .minusOne:
      for index in 0..<stored.count { stored.pointer[index] += 1 }
    case .transposed:
      let result = Matrix(rows: stored.columns, columns: stored.rows)
      for row in 0..<stored.rows {
        for column in 0..<stored.columns {
          result.pointer[column * stored.rows + row] =
            stored.pointer[row * stored.columns + column]
        }
      }
      return result
    }
    return stored
  }
}
