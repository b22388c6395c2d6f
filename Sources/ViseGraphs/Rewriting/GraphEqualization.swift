import Glibc
import ViseCompression
import ViseFormats
public import ViseTensor

/// Brings the ranges of layers that follow each other together, channel by channel.
///
/// Cross-layer equalization (Nagel et al., "Data-Free Quantization through Weight Equalization and
/// Bias Correction", ICCV 2019, section 4.1, eq. 11). A layer between two others has a share in two
/// pairs, so pairs are gone over until no factor of a pass differs from 1 by more than
/// `tolerance`. Normalizations must have been folded before: what they scale is no pair.
public struct GraphEqualization: Sendable {
  /// What was done between two layers.
  public struct Change: Hashable, Sendable {
    /// Names of the weights whose rows were divided and whose columns were multiplied.
    public let maker, reader: String
    public let channels: Int
    public let smallestFactor: Double
    public let largestFactor: Double
  }

  /// A factor this near to 1 ends the passes.
  public static let tolerance = 0.01
  /// Passes after which they end all the same; the function is then kept, ranges differ.
  static let mostPasses = 200

  public let model: GraphModel
  public let changes: [Change]
  public let passes: Int

  /// - Throws: `GraphRewriteError.nothingToEqualize`, `CancelledError`.
  public init(_ model: GraphModel, cancellation: CancellationFlag = CancellationFlag()) throws {
    let found = ChannelPairs(model)
    guard !found.pairs.isEmpty else { throw GraphRewriteError.nothingToEqualize }
    var editor = GraphEditor(model.source)
    var scales = PairScales(found, editor)
    passes = try scales.settle(cancellation)
    scales.apply(to: &editor)
    let factors = scales.factors
    changes = zip(found.pairs, factors).map { pair, factors in
      Change(
        maker: pair.maker, reader: pair.reader, channels: pair.channels,
        smallestFactor: factors.min() ?? 1, largestFactor: factors.max() ?? 1)
    }
    self.model = GraphModel(editor.model)
  }
}

/// The factors of all pairs; weights are changed once, when these are known.
private struct PairScales {
  private let found: ChannelPairs
  private let weights: [String: Tensor]
  /// By pair and channel: rows are divided by it, columns multiplied.
  private(set) var factors: [[Double]]
  /// By weight, the pair whose channels it makes, and whose it reads.
  private var making: [String: Int] = [:]
  private var reading: [String: Int] = [:]

  init(_ found: ChannelPairs, _ editor: GraphEditor) {
    self.found = found
    weights = found.layouts.keys.reduce(into: [:]) { $0[$1] = editor.initializer($1)?.tensor }
    factors = found.pairs.map { [Double](repeating: 1, count: $0.channels) }
    for (index, pair) in found.pairs.enumerated() {
      making[pair.maker] = index
      reading[pair.reader] = index
    }
  }

  /// Goes over the pairs until factors are near 1; returns the passes that took.
  mutating func settle(_ cancellation: CancellationFlag) throws -> Int {
    for pass in 1...GraphEqualization.mostPasses {
      var farthest = 0.0
      for (index, pair) in found.pairs.enumerated() {
        try cancellation.check()
        let step = ChannelEqualization.factors(
          rows: reach(pair.maker, pair.channels, ofRows: true),
          columns: reach(pair.reader, pair.channels, ofRows: false))
        for (channel, factor) in step.enumerated() where factor.isNormal {
          factors[index][channel] *= Double(factor)
          farthest = max(farthest, abs(log(Double(factor))))
        }
      }
      if farthest <= log(1 + GraphEqualization.tolerance) { return pass }
    }
    return GraphEqualization.mostPasses
  }

  /// What each element of a weight is multiplied by.
  private func scale(_ name: String) -> (_ output: Int, _ input: Int) -> Double {
    let rows = making[name].map { factors[$0] }
    let columns = reading[name].map { factors[$0] }
    return { output, input in (columns?[input] ?? 1) / (rows?[output] ?? 1) }
  }

  /// The largest magnitude of each row, or of each column's channel, as scaled so far.
  private func reach(_ name: String, _ count: Int, ofRows: Bool) -> [Float] {
    var result = [Float](repeating: 0, count: count)
    guard let weight = weights[name], let layout = found.layouts[name] else { return result }
    let scale = scale(name)
    withExtendedLifetime(weight.storage) {
      let values = weight.pointer(Float.self)
      layout.forEach { index, output, input in
        let magnitude = abs(Float(Double(values[index]) * scale(output, input)))
        let channel = ofRows ? output : input
        if magnitude > result[channel] { result[channel] = magnitude }
      }
    }
    return result
  }

  /// Puts the scaled weights and vectors into the graph.
  func apply(to editor: inout GraphEditor) {
    for (name, weight) in weights {
      guard let layout = found.layouts[name] else { continue }
      var values = weight.values(Float.self)
      let scale = scale(name)
      layout.forEach { index, output, input in
        values[index] = Float(Double(values[index]) * scale(output, input))
      }
      editor.replace(name, by: ONNXTensor(name: name, Tensor(weight.shape, values)))
    }
    for (pair, factors) in zip(found.pairs, factors) {
      for name in pair.vectors {
        guard let vector = editor.initializer(name)?.tensor else { continue }
        let values = zip(vector.values(Float.self), factors).map { Float(Double($0) / $1) }
        editor.replace(name, by: ONNXTensor(name: name, Tensor(vector.shape, values)))
      }
    }
  }
}
