public import ViseCompression
import ViseFormats
public import ViseTensor

/// A weight of an ONNX graph that can be treated, and how it is a matrix.
public struct GraphSite: Sendable {
  /// Outputs × inputs: a convolution's rows are its filters, its columns in · kh · kw.
  public let site: Site
  /// The shape in the file.
  public let shape: [Int]
  public let type: ElementType
  /// Whether the file stores inputs × outputs.
  public let isTransposed: Bool
  /// Bytes in the file.
  public let byteCount: Int
  /// The position of the first operation that reads it, and which of its inputs it is.
  let node: Int
  let place: Int

  /// The same weight in another shape.
  func replacing(_ site: Site, shape: [Int]) -> GraphSite {
    GraphSite(
      site: site, shape: shape, type: type, isTransposed: isTransposed, byteCount: byteCount,
      node: node, place: place)
  }

  /// Whether the values are floats, which treatments apply to.
  public var isTreatable: Bool { type.isFloating }
}

/// Finds the sites of a graph by what its operations do with their constants.
struct GraphSiteCatalog {
  private let tensors: [String: ONNXTensor]
  /// By name of a value that is a dequantized constant, the constant's name.
  private let dequantized: [String: String]
  private(set) var sites: [GraphSite] = []
  private var seen = Set<String>()
  /// Of the operation that is looked at.
  private var position = 0

  init(_ graph: ONNXGraph) {
    tensors = Dictionary(
      graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var dequantized: [String: String] = [:]
    for node in graph.nodes where node.type == "DequantizeLinear" {
      if let source = node.inputs.first, let output = node.outputs.first, tensors[source] != nil {
        dequantized[output] = source
      }
    }
    self.dequantized = dequantized
    for (index, node) in graph.nodes.enumerated()
    where node.domain.isEmpty || node.domain == "com.microsoft" {
      position = index
      add(node)
    }
  }

  private mutating func add(_ node: ONNXNode) {
    switch node.type {
    case "Conv": convolution(node, weight: 1, bias: 2)
    case "ConvInteger": convolution(node, weight: 1, bias: nil)
    case "QLinearConv": convolution(node, weight: 3, bias: 8)
    case "ConvTranspose":
      addSite(node, weight: 1, role: .transposedConvolution, bias: 2) { $0.count >= 3 }
    case "Gemm":
      let isTransposed = node.intAttribute("transB") != 1
      addSite(node, weight: 1, role: .linear, bias: 2, isTransposed: isTransposed) {
        $0.count == 2
      }
    case "MatMul", "MatMulInteger":
      addSite(node, weight: 1, role: .linear, isTransposed: true) { $0.count == 2 }
      addSite(node, weight: 0, role: .linear) { $0.count == 2 }
    case "QLinearMatMul":
      addSite(node, weight: 3, role: .linear, isTransposed: true) { $0.count == 2 }
    case "Gather":
      addSite(node, weight: 0, role: .embedding) { $0.count == 2 && $0[1] > 1 }
    case "LSTM", "GRU", "RNN":
      addSite(node, weight: 1, role: .recurrentInput) { $0.count == 3 }
      addSite(node, weight: 2, role: .recurrentState) { $0.count == 3 }
    default: break
    }
  }

  private mutating func convolution(_ node: ONNXNode, weight: Int, bias: Int?) {
    let isGrouped = (node.intAttribute("group") ?? 1) != 1
    let isDepthwise = isGrouped && constant(node, weight)?.shape.dropFirst().first == 1
    addSite(
      node, weight: weight, role: isDepthwise ? .depthwiseConvolution : .convolution, bias: bias,
      hasWindows: !isGrouped
    ) { $0.count >= 3 }
  }

  /// The constant that is the node's input `index`, itself or dequantized.
  private func constant(_ node: ONNXNode, _ index: Int) -> ONNXTensor? {
    guard node.inputs.indices.contains(index) else { return nil }
    let name = node.inputs[index]
    return tensors[name] ?? dequantized[name].flatMap { tensors[$0] }
  }

  private mutating func addSite(
    _ node: ONNXNode, weight: Int, role: SiteRole, bias: Int? = nil, isTransposed: Bool = false,
    hasWindows: Bool = false, where isWeight: ([Int]) -> Bool
  ) {
    guard let tensor = constant(node, weight), tensor.elementCount > 0, isWeight(tensor.shape),
      tensor.type.bitCount > 0, seen.insert(tensor.name).inserted
    else { return }
    let matrix = matrixShape(of: tensor, role, isTransposed)
    let biasTensor = bias.flatMap { constant(node, $0) }
    let site = Site(
      index: sites.count, name: tensor.name, role: role, block: nil, rows: matrix.rows,
      columns: matrix.columns, kernel: hasWindows ? Array(tensor.shape[2...]) : [],
      stored: StorageType(tensor.type) ?? .i8, unformatted: .f32,
      bias: biasTensor?.name ?? Self.roomForBias(node, tensor.name))
    sites.append(
      GraphSite(
        site: site, shape: tensor.shape, type: tensor.type, isTransposed: isTransposed,
        byteCount: tensor.byteCount, node: position, place: weight))
  }

  /// The bias a convolution without one can be given; `nil` for other operations.
  private static func roomForBias(_ node: ONNXNode, _ weight: String) -> String? {
    node.type == "Conv" && node.inputs.count == 2 ? "\(weight)/bias" : nil
  }

  /// Outputs × inputs; recurrent weights have all directions' gates below each other.
  private func matrixShape(
    of tensor: ONNXTensor, _ role: SiteRole, _ isTransposed: Bool
  ) -> (rows: Int, columns: Int) {
    let shape = tensor.shape
    switch role {
    case .recurrentInput, .recurrentState: return (shape[0] * shape[1], shape[2])
    default:
      let rows = shape[0]
      let columns = tensor.elementCount / rows
      return isTransposed ? (columns, rows) : (rows, columns)
    }
  }
}

extension StorageType {
  /// The storage of an ONNX element type; `nil` where GGUF has none.
  init?(_ type: ElementType) {
    switch type {
    case .float32: self = .f32
    case .float16: self = .f16
    case .bfloat16: self = .bf16
    case .float64: self = .f64
    case .int8: self = .i8
    case .int16: self = .i16
    case .int32: self = .i32
    case .int64: self = .i64
    default: return nil
    }
  }
}

extension ONNXNode {
  func intAttribute(_ name: String) -> Int64? {
    if case .int(let value) = attributes[name] { value } else { nil }
  }
}
