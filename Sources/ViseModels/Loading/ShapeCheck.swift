import ViseFormats
import ViseTensor

/// Checks that every weight a graph reads has the shape its operation needs.
///
/// Run once when a model is opened, so that the executor never reads past a weight.
enum ShapeCheck {
  static func check(
    _ graph: Graph, _ configuration: DecoderConfiguration, _ checkpoint: Checkpoint,
    storages: [String: WeightStorage]
  ) throws(ModelError) {
    let checker = Checker(checkpoint: checkpoint, storages: storages)
    for node in graph.nodes {
      let width = graph.widths[node.output.index]
      let inputWidth = node.inputs.first.map { graph.widths[$0.index] } ?? 0
      switch node.operation {
      case .embed(let table, _):
        try checker.expect(table, [configuration.vocabularyCount, width])
      case .addPositions(let table):
        try checker.expect(table, [configuration.contextLength, width])
      case .rmsNorm(let weight, let group, _):
        try checker.expect(weight, [group])
      case .layerNorm(let weight, let bias, _):
        try checker.expect(weight, [width])
        try checker.expect(bias, [width])
      case .linear(let weight, let bias):
        try checker.expect(weight, [width, inputWidth])
        if let bias { try checker.expect(bias, [width]) }
      case .rope(let shape):
        if let divisors = shape.table.divisors {
          try checker.expect(divisors, [shape.table.rotary / 2])
        }
      case .attention, .siluMultiply, .geluMultiply, .gelu, .add, .slice:
        break
      }
    }
    try checker.expect(
      graph.head, [configuration.vocabularyCount, graph.widths[graph.features.index]])
  }

  private struct Checker {
    let checkpoint: Checkpoint
    let storages: [String: WeightStorage]

    func expect(_ key: String, _ shape: [Int]) throws(ModelError) {
      guard let record = checkpoint.record(named: key) else { throw .missingWeight(key) }
      let expected = storages[key] == .transposed ? shape.reversed() : shape
      guard record.shape == expected else {
        throw .shapeMismatch(weight: key, expected: expected, found: record.shape)
      }
      guard record.type.isDecodable else {
        throw .undecodable(weight: key, type: record.type.name)
      }
    }
  }
}
