public import ViseFormats
import ViseTensor

/// The graph of a BERT encoder whose weights lie in safetensors, with a mean over its tokens.
///
/// Devlin et al., "BERT", 2018; the mean is that of Reimers and Gurevych, "Sentence-BERT", 2019.
/// Inputs are `input_ids` and `attention_mask`, texts × tokens; the outputs `sentence_embedding`,
/// texts × width, of length 1, and `last_hidden_state`.
public struct BERTGraph {
  /// Why a checkpoint is no BERT encoder.
  public enum Fault: Error, Hashable, Sendable {
    /// The configuration lacks this, or it is not what it should be.
    case configuration(String)
    case missingTensor(String)
    case wrongShape(tensor: String, expected: [Int], found: [Int])
  }

  private struct Configuration {
    let width, layers, heads, hidden: Int
    let epsilon: Float

    init(_ metadata: Metadata) throws(Fault) {
      func count(_ key: String) throws(Fault) -> Int {
        guard let value = metadata[key]?.asInt, (1...1 << 20).contains(value) else {
          throw .configuration(key)
        }
        return value
      }
      guard metadata["model_type"]?.asString == "bert" else { throw .configuration("model_type") }
      let activation = metadata["hidden_act"]?.asString ?? "gelu"
      guard activation == "gelu" else { throw .configuration("hidden_act") }
      let position = metadata["position_embedding_type"]?.asString ?? "absolute"
      guard position == "absolute" else { throw .configuration("position_embedding_type") }
      width = try count("hidden_size")
      layers = try count("num_hidden_layers")
      heads = try count("num_attention_heads")
      hidden = try count("intermediate_size")
      epsilon = Float(metadata["layer_norm_eps"]?.asDouble ?? 1e-12)
      guard width % heads == 0, layers <= 1024 else {
        throw .configuration("num_attention_heads")
      }
    }
  }

  /// Whether a checkpoint says it is one.
  public static func accepts(_ checkpoint: Checkpoint) -> Bool {
    checkpoint.format == .safetensors && checkpoint.metadata["model_type"]?.asString == "bert"
  }

  private let checkpoint: Checkpoint
  private let configuration: Configuration
  private var nodes: [ONNXNode] = []
  private var initializers: [ONNXTensor] = []
  private var names = Set<String>()

  /// The model of a checkpoint.
  public static func model(of checkpoint: Checkpoint) throws(Fault) -> ONNXModel {
    var builder = BERTGraph(checkpoint, try Configuration(checkpoint.metadata))
    try builder.build()
    func value(_ name: String, _ type: ElementType, _ shape: [ONNXValue.Dimension]) -> ONNXValue {
      ONNXValue(name: name, elementType: type.rawValue, shape: shape)
    }
    let tokens: [ONNXValue.Dimension] = [.named("texts"), .named("tokens")]
    let width = ONNXValue.Dimension.fixed(builder.configuration.width)
    return ONNXModel(
      path: checkpoint.path, byteCount: checkpoint.byteCount, irVersion: 10, producer: "vise",
      opsets: ["": 21],
      graph: ONNXGraph(
        name: "bert", nodes: builder.nodes, initializers: builder.initializers,
        inputs: [value("input_ids", .int64, tokens), value("attention_mask", .int64, tokens)],
        outputs: [
          value("sentence_embedding", .float32, [.named("texts"), width]),
          value("last_hidden_state", .float32, tokens + [width]),
        ]))
  }

  private init(_ checkpoint: Checkpoint, _ configuration: Configuration) {
    self.checkpoint = checkpoint
    self.configuration = configuration
  }

  private mutating func build() throws(Fault) {
    let width = configuration.width
    for (name, values) in [
      ("zero", [0]), ("one", [1]), ("two", [2]), ("width", [Int64(width)]),
      ("rows", [-1, Int64(width)]),
      ("heads", [Int64(configuration.heads), Int64(width / configuration.heads)]),
    ] { constant(name, Tensor([values.count], values.map { Int64($0) })) }
    constant("scale", Tensor([], [1 / Float(width / configuration.heads).squareRoot()]))
    constant("one/float", Tensor([], [Float(1)]))
    constant("far", Tensor([], [Float(-1e9)]))
    constant("least", Tensor([], [Float(1e-9)]))
    shapes()
    try embed()
    for layer in 0..<configuration.layers { try self.layer(layer) }
    let last = "layer.\(configuration.layers - 1).output"
    node("Reshape", [last, "shape/width"], "last_hidden_state")
    pool()
  }

  /// Shapes that depend on the input, and what is added to scores of tokens that are padding.
  private mutating func shapes() {
    node("Shape", ["input_ids"], "shape")
    node("Slice", ["shape", "one", "two", "zero"], "length")
    node("Concat", ["shape", "heads"], "shape/heads", ["axis": .int(0)])
    node("Concat", ["shape", "width"], "shape/width", ["axis": .int(0)])
    node("Cast", ["attention_mask"], "mask", ["to": .int(Int64(ElementType.float32.rawValue))])
    constant("mask/axes", Tensor([2], [Int64(1), 2]))
    node("Unsqueeze", ["mask", "mask/axes"], "mask/wide")
    node("Sub", ["one/float", "mask/wide"], "mask/absent")
    node("Mul", ["mask/absent", "far"], "mask/added")
  }

  private mutating func embed() throws(Fault) {
    let width = configuration.width
    let prefix = "embeddings."
    try weight(prefix + "word_embeddings.weight", [nil, width])
    try weight(prefix + "position_embeddings.weight", [nil, width])
    try weight(prefix + "token_type_embeddings.weight", [nil, width])
    node("Gather", [prefix + "word_embeddings.weight", "input_ids"], "words")
    node(
      "Slice", [prefix + "position_embeddings.weight", "zero", "length", "zero"], "positions")
    // All tokens are of the first of two texts.
    node(
      "Slice", [prefix + "token_type_embeddings.weight", "zero", "one", "zero"], "types")
    node("Add", ["positions", "types"], "places")
    node("Add", ["words", "places"], "embedded")
    try normalize("embedded", "embeddings.LayerNorm", "embedded/normal")
    node("Reshape", ["embedded/normal", "rows"], "layer.-1.output")
  }

  private mutating func layer(_ index: Int) throws(Fault) {
    let (width, hidden) = (configuration.width, configuration.hidden)
    let (name, input) = ("layer.\(index)", "layer.\(index - 1).output")
    let prefix = "encoder.layer.\(index)."
    for part in ["query", "key", "value"] {
      try linear(input, prefix + "attention.self.\(part)", "\(name).\(part)", width, width)
      node("Reshape", ["\(name).\(part)", "shape/heads"], "\(name).\(part)/split")
      let order: [Int64] = part == "key" ? [0, 2, 3, 1] : [0, 2, 1, 3]
      node(
        "Transpose", ["\(name).\(part)/split"], "\(name).\(part)/heads", ["perm": .ints(order)])
    }
    node("MatMul", ["\(name).query/heads", "\(name).key/heads"], "\(name).products")
    node("Mul", ["\(name).products", "scale"], "\(name).scores")
    node("Add", ["\(name).scores", "mask/added"], "\(name).masked")
    node("Softmax", ["\(name).masked"], "\(name).shares", ["axis": .int(-1)])
    node("MatMul", ["\(name).shares", "\(name).value/heads"], "\(name).mixed")
    node("Transpose", ["\(name).mixed"], "\(name).turned", ["perm": .ints([0, 2, 1, 3])])
    node("Reshape", ["\(name).turned", "rows"], "\(name).context")
    try linear(
      "\(name).context", prefix + "attention.output.dense", "\(name).attended", width, width)
    node("Add", ["\(name).attended", input], "\(name).attended/sum")
    try normalize(
      "\(name).attended/sum", prefix + "attention.output.LayerNorm", "\(name).attention")
    try linear("\(name).attention", prefix + "intermediate.dense", "\(name).wide", hidden, width)
    node("Gelu", ["\(name).wide"], "\(name).active")
    try linear("\(name).active", prefix + "output.dense", "\(name).narrow", width, hidden)
    node("Add", ["\(name).narrow", "\(name).attention"], "\(name).narrow/sum")
    try normalize("\(name).narrow/sum", prefix + "output.LayerNorm", "\(name).output")
  }

  /// The mean of the last state over the tokens of each text, brought to length 1.
  private mutating func pool() {
    node("Unsqueeze", ["mask", "two"], "mask/column")
    node("Mul", ["last_hidden_state", "mask/column"], "kept")
    node("ReduceSum", ["kept", "one"], "sum", ["keepdims": .int(0)])
    node("ReduceSum", ["mask/column", "one"], "count", ["keepdims": .int(0)])
    node("Div", ["sum", "count"], "mean")
    node("ReduceL2", ["mean", "one"], "length/mean", ["keepdims": .int(1)])
    node("Max", ["length/mean", "least"], "length/safe")
    node("Div", ["mean", "length/safe"], "sentence_embedding")
  }

  private mutating func linear(
    _ input: String, _ name: String, _ output: String, _ rows: Int, _ columns: Int
  ) throws(Fault) {
    try weight("\(name).weight", [rows, columns])
    try weight("\(name).bias", [rows])
    node("Gemm", [input, "\(name).weight", "\(name).bias"], output, ["transB": .int(1)])
  }

  private mutating func normalize(
    _ input: String, _ name: String, _ output: String
  ) throws(Fault) {
    try weight("\(name).weight", [configuration.width])
    try weight("\(name).bias", [configuration.width])
    node(
      "LayerNormalization", [input, "\(name).weight", "\(name).bias"], output,
      ["axis": .int(-1), "epsilon": .float(configuration.epsilon)])
  }

  private mutating func node(
    _ type: String, _ inputs: [String], _ output: String,
    _ attributes: [String: ONNXAttribute] = [:]
  ) {
    nodes.append(
      ONNXNode(
        name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes))
  }

  private mutating func constant(_ name: String, _ tensor: Tensor) {
    initializers.append(ONNXTensor(name: name, tensor))
  }

  /// Adds a tensor of the checkpoint as it is, under its own name without `bert.` before it.
  private mutating func weight(_ name: String, _ shape: [Int?]) throws(Fault) {
    guard names.insert(name).inserted else { return }
    guard let tensor = checkpoint.onnxTensor(name) ?? checkpoint.onnxTensor(name, prefix: "bert.")
    else { throw .missingTensor(name) }
    let fits =
      tensor.shape.count == shape.count && tensor.type == .float32
      && zip(tensor.shape, shape).allSatisfy { $1 == nil || $0 == $1 } && tensor.elementCount > 0
    guard fits else {
      throw .wrongShape(tensor: name, expected: shape.map { $0 ?? 0 }, found: tensor.shape)
    }
    initializers.append(tensor)
  }
}

extension BERTGraph.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .configuration(let key): "config.json: \"\(key)\" is missing or not what Vise runs"
    case .missingTensor(let name): "tensor \"\(name)\" is missing"
    case .wrongShape(let name, let expected, let found):
      "tensor \"\(name)\" is \(found) where float32 of \(expected) is needed (0: any)"
    }
  }
}
