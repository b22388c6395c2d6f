package import ViseCompression
import ViseFormats
package import ViseGraphs
import ViseModels
import ViseTensor

extension GraphModel {
  /// Names all that figures of plans follow from: this graph, its weights, calibration and code.
  ///
  /// Every weight is read once.
  package func evaluationIdentity(calibration: (any CalibrationSource)?) -> String {
    var hash = WordHash()
    hash.combine(source.graph)
    hash.combine("\(calibration?.identity ?? "") \(MeasurementCode.version)")
    return hash.hexadecimal
  }
}

extension WordHash {
  fileprivate mutating func combine(_ graph: ONNXGraph) {
    for node in graph.nodes {
      combine("\(node.operatorName) \(node.inputs) \(node.outputs)\n")
      for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
        combine("\(name) ")
        switch value {
        case .tensor(let tensor): combine(tensor)
        case .graph(let inner): combine(inner)
        default: combine("\(value)\n")
        }
      }
    }
    for tensor in graph.initializers { combine(tensor) }
  }

  private mutating func combine(_ tensor: ONNXTensor) {
    combine("\(tensor.name) \(tensor.shape) \(tensor.type.name)\n")
    tensor.withBytes { combine($0) }
  }
}
