import ViseCompression
public import ViseFormats
import ViseTensor

/// An ONNX model with its sites.
///
/// A model whose operators Vise does not all know still opens, and its sites are listed.
public final class GraphModel: Sendable {
  public let source: ONNXModel
  /// Weights that can be treated, in the order of the file's operations.
  public let sites: [GraphSite]

  /// Opens the file at `path`; no weight is read.
  public convenience init(path: String) throws(ONNXError) {
    self.init(try ONNXReader.open(path))
  }

  /// Opens an ONNX file, or the folder or safetensors file of a BERT encoder; no weight is read.
  ///
  /// - Throws: `ONNXError`, `CheckpointError`, `BERTGraph.Fault`.
  public static func open(path: String) throws -> GraphModel {
    guard let checkpoint = try encoder(path) else { return try GraphModel(path: path) }
    return GraphModel(try BERTGraph.model(of: checkpoint))
  }

  /// Whether what is at `path` is a model of this kind rather than a decoder.
  public static func accepts(path: String) -> Bool {
    ONNXReader.accepts(path: path) || (try? encoder(path)) ?? nil != nil
  }

  /// The checkpoint at `path` where that is a BERT encoder.
  private static func encoder(_ path: String) throws -> Checkpoint? {
    guard !ONNXReader.accepts(path: path), !path.hasSuffix(".gguf") else { return nil }
    let checkpoint = try Checkpoint.open(path)
    return BERTGraph.accepts(checkpoint) ? checkpoint : nil
  }

  public init(_ source: ONNXModel) {
    self.source = source
    let found = GraphSiteCatalog(source.graph).sites
    let channels = GraphChannels(source.graph, found)
    sites = found.map(channels.annotated)
  }

  /// Elements of all floating tensors that are no inputs.
  public var parameterCount: Int {
    source.graph.initializers.filter(\.type.isFloating).reduce(0) { $0 + $1.elementCount }
  }

  /// The file's name without its folder; untrusted text.
  public var name: String {
    source.path.split(separator: "/").last.map(String.init) ?? source.path
  }

  /// The operators of the graph, and of graphs inside it, that Vise does not run; sorted.
  public var unsupportedOperators: [String] {
    Self.unsupported(source.graph, opsets: source.opsets).sorted()
  }

  private static func unsupported(_ graph: ONNXGraph, opsets: [String: Int]) -> Set<String> {
    graph.nodes.reduce(into: []) { names, node in
      let opset = opsets[node.domain] ?? 1
      if OperatorRegistry.find(domain: node.domain, name: node.type, opset: opset) == nil {
        names.insert(node.operatorName)
      }
      for case .graph(let inner) in node.attributes.values {
        names.formUnion(unsupported(inner, opsets: opsets))
      }
    }
  }

  /// The graph made ready to run; weights of sites may be replaced in its runs.
  ///
  /// - Throws: `GraphError`, or `BLASError` where there is no BLAS.
  public func program() throws -> GraphProgram {
    try GraphProgram(source, weights: Set(sites.map(\.site.name)))
  }

  /// How many operations of each type the graph has, as `Type` or `domain.Type`.
  public var operatorCounts: [String: Int] {
    source.graph.nodes.reduce(into: [:]) { $0[$1.operatorName, default: 0] += 1 }
  }
}

extension ONNXNode {
  /// The operator's name, with its domain where that is not ONNX's own.
  public var operatorName: String { domain.isEmpty ? type : "\(domain).\(type)" }
}
