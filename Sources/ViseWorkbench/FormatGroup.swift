public import ViseCompression

/// The families formats are listed in.
public enum FormatGroup: String, CaseIterable, Hashable, Sendable {
  case stored, ggml, integers, floats, codebooks

  /// How the list names it.
  public var title: String {
    switch self {
    case .stored: "the file's own"
    case .ggml: "ggml blocks"
    case .integers: "integers"
    case .floats: "floats and curves"
    case .codebooks: "codebooks"
    }
  }

  /// The formats listed, most bits first; others can be typed.
  public var formats: [NumberFormat] {
    switch self {
    case .stored: []
    case .ggml: NumberFormat.encodable.map { .ggml($0) }
    default: names.compactMap { NumberFormat(name: $0) }
    }
  }

  /// Those listed for the weights of an ONNX graph, which holds integers and none of ggml's blocks;
  /// other numbers are stored there as the floats they stand for.
  public var graphFormats: [NumberFormat] {
    switch self {
    case .ggml: []
    case .integers:
      [
        "int8:channel", "int8:tensor", "int6:channel", "int5:channel", "int4:channel",
        "int4:channel:asym", "int3:channel", "int2:channel",
      ].compactMap { NumberFormat(name: $0) }
    default: formats
    }
  }

  /// What `formats` is made from where the types are not ggml's.
  var names: [String] {
    switch self {
    case .stored, .ggml: []
    case .integers:
      [
        "int8", "int8:g128", "int6:g128", "int5:g128", "int4:g32", "int4:g128:asym", "int4:g128",
        "dgq4", "aff4:g64", "lq4:r16", "saq4", "rex2x2:g128", "saq3", "int3:g128", "saq2",
        "int2:g64",
      ]
    case .floats:
      ["fp8", "fp8_e5m2", "dynamic8", "fp6", "nvfp4", "fp4", "nf4", "power4", "compand4"]
    case .codebooks:
      ["kmeans4", "kmeans4:channel", "kmeans3", "kmeans2", "vq8d2", "vq8d4", "pvq16k24", "pvq16k8"]
    }
  }
}
