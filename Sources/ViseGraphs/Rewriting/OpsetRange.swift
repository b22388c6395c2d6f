import ViseFormats

/// Operators whose nodes mean the same in version 21 of ONNX's operators.
enum OpsetRange {
  /// The version of the file format that came with version 21 of the operators.
  static let irVersion = 10

  /// By operator, the first version from which its nodes can be taken over as they are.
  private static let since: [String: Int] = [
    "Abs": 6, "Add": 7, "AveragePool": 10, "BatchNormalization": 9, "Cast": 9, "Clip": 11,
    "Concat": 4, "Constant": 11, "ConstantOfShape": 9, "Conv": 1, "ConvTranspose": 1,
    "DequantizeLinear": 10, "Div": 7, "Dropout": 12, "Elu": 6, "Equal": 11, "Erf": 9, "Exp": 6,
    "Expand": 8, "Flatten": 9, "GRU": 7, "Gather": 11, "Gelu": 20, "Gemm": 11,
    "GlobalAveragePool": 1, "GlobalMaxPool": 1, "HardSigmoid": 6, "HardSwish": 14, "Identity": 1,
    "LSTM": 7, "LayerNormalization": 17, "LeakyRelu": 6, "Less": 9, "Log": 6, "MatMul": 9,
    "MaxPool": 10, "Mul": 7, "Neg": 6, "PRelu": 9, "Pad": 11, "Pow": 12, "QuantizeLinear": 10,
    "RNN": 7, "Reciprocal": 6, "ReduceMax": 20, "ReduceMean": 18, "ReduceMin": 20,
    "ReduceSum": 13, "Relu": 6, "Reshape": 5, "Resize": 13, "Shape": 1, "Sigmoid": 6, "Slice": 10,
    "Softmax": 13, "Split": 18, "Sqrt": 6, "Squeeze": 13, "Sub": 7, "Tanh": 6, "Transpose": 1,
    "Unsqueeze": 13, "Where": 9,
  ]

  /// Whether all nodes of ONNX's own domain keep their meaning.
  static func allows(_ graph: ONNXGraph, from opset: Int) -> Bool {
    graph.nodes.allSatisfy { node in
      let hasGraph = node.attributes.values.contains { if case .graph = $0 { true } else { false } }
      return !hasGraph
        && (!node.domain.isEmpty || since[node.type].map { $0 <= opset } ?? false)
    }
  }
}
