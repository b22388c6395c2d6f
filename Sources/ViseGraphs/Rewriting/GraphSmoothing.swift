public import ViseCompression
import ViseFormats
import ViseTensor

/// Moves the difficulty of quantizing what linear layers read of a layer normalization into their
/// weights.
///
/// SmoothQuant (Xiao et al., 2022, eq. 3 and 4): the normalization's scale and bias are divided by a
/// factor a channel, the columns of all layers that read it multiplied; they share the factors.
public struct GraphSmoothing: Sendable {
  /// What was done behind one normalization.
  public struct Change: Hashable, Sendable {
    /// The value the normalization makes.
    public let value: String
    /// Names of the weights that read it.
    public let weights: [String]
    public let smallestFactor: Float
    public let largestFactor: Float
  }

  public let model: GraphModel
  public let changes: [Change]

  /// - Parameters:
  ///   - calibration: of `model`.
  ///   - alpha: SmoothQuant's migration strength, 0 to 1.
  /// - Throws: `GraphRewriteError`, and what reading statistics throws.
  public init(
    _ model: GraphModel, calibration: any CalibrationSource, alpha: Double
  ) throws {
    precondition((0...1).contains(alpha))
    let links = SmoothableNorm.all(of: model)
    guard !links.isEmpty else { throw GraphRewriteError.nothingToSmooth }
    var editor = GraphEditor(model.source)
    changes = try links.map { link in
      guard let statistics = try calibration.statistics(of: link.readers[0].site) else {
        throw GraphRewriteError.needsCalibration(link.readers[0].site.name)
      }
      let factors = Smoothing.factors(
        inputs: statistics.largestMagnitude, weights: link.reach(editor), alpha: alpha)
      link.apply(factors, to: &editor)
      return Change(
        value: link.value, weights: link.readers.map(\.site.name),
        smallestFactor: factors.min() ?? 1, largestFactor: factors.max() ?? 1)
    }
    self.model = GraphModel(editor.model)
  }
}

/// A layer normalization that linear layers alone read.
private struct SmoothableNorm {
  let value: String
  /// Its scale and, where it has one, its bias.
  let vectors: [String]
  let readers: [GraphSite]

  static func all(of model: GraphModel) -> [SmoothableNorm] {
    let graph = model.source.graph
    let counts = graph.readerCounts
    let tensors = Dictionary(
      graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return graph.nodes.compactMap { node in
      guard node.domain.isEmpty, node.type == "LayerNormalization",
        let value = node.outputs.first, node.outputs.filter({ !$0.isEmpty }).count == 1
      else { return nil }
      let vectors = node.inputs.dropFirst().filter { !$0.isEmpty }
      let readers = model.sites.filter { site in
        let reader = graph.nodes[site.node]
        return site.place == 1 && site.site.role == .linear && site.type == .float32
          && reader.domain.isEmpty && ["MatMul", "Gemm"].contains(reader.type)
          && (reader.intAttribute("transA") ?? 0) == 0 && reader.inputs[0] == value
          && counts[site.site.name] == 1
      }
      guard let width = readers.first?.site.columns, readers.count == counts[value],
        readers.allSatisfy({ $0.site.columns == width }), node.inputs.count > 1,
        vectors.allSatisfy({
          tensors[$0]?.shape == [width] && tensors[$0]?.type == .float32 && counts[$0] == 1
        })
      else { return nil }
      return SmoothableNorm(value: value, vectors: vectors, readers: readers)
    }
  }

  /// The largest magnitude of each channel over all weights that read it.
  func reach(_ editor: GraphEditor) -> [Float] {
    var result = [Float](repeating: 0, count: readers[0].site.columns)
    for site in readers {
      guard let values = editor.initializer(site.site.name)?.tensor?.values(Float.self),
        let layout = WeightChannels(site, groups: 1, channels: nil)
      else { continue }
      layout.forEach { index, _, input in
        result[input] = max(result[input], abs(values[index]))
      }
    }
    return result
  }

  func apply(_ factors: [Float], to editor: inout GraphEditor) {
    for name in vectors {
      guard let vector = editor.initializer(name)?.tensor else { continue }
      let values = zip(vector.values(Float.self), factors).map { $0 / $1 }
      editor.replace(name, by: ONNXTensor(name: name, Tensor(vector.shape, values)))
    }
    for site in readers {
      guard let weight = editor.initializer(site.site.name)?.tensor,
        let layout = WeightChannels(site, groups: 1, channels: nil)
      else { continue }
      var values = weight.values(Float.self)
      layout.forEach { index, _, input in values[index] *= factors[input] }
      editor.replace(
        site.site.name, by: ONNXTensor(name: site.site.name, Tensor(weight.shape, values)))
    }
  }
}
