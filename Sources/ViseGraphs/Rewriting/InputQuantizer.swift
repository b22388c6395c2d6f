import ViseCompression
import ViseFormats
import ViseTensor

/// The operations that bring a value to codes and back.
struct InputQuantizer {
  let input: String
  let format: InputFormat
  /// `nil` where each tensor is given its own.
  let grid: (scale: Float, zero: Int)?

  /// The operations, whose constants are added, and the name of what comes out.
  func nodes(_ editor: inout GraphEditor) -> (nodes: [ONNXNode], output: String) {
    let output = editor.name("\(input)/dequantized")
    let codes = editor.name("\(input)/codes")
    var nodes: [ONNXNode] = []
    let scale: String
    let zero: String
    if let grid {
      scale = editor.add("\(input)/scale") { ONNXTensor(name: $0, Tensor([], [grid.scale])) }
      zero = editor.add("\(input)/zero") {
        ONNXTensor(name: $0, Tensor([], [UInt8(grid.zero)]))
      }
      let source = clipped(grid, &nodes, &editor)
      nodes.append(
        ONNXNode(
          name: codes, type: "QuantizeLinear", inputs: [source, scale, zero], outputs: [codes]))
    } else {
      (scale, zero) = (editor.name("\(input)/scale"), editor.name("\(input)/zero"))
      nodes.append(
        ONNXNode(
          name: codes, type: "DynamicQuantizeLinear", inputs: [input],
          outputs: [codes, scale, zero]))
    }
    nodes.append(
      ONNXNode(
        name: output, type: "DequantizeLinear", inputs: [codes, scale, zero], outputs: [output]))
    return (nodes, output)
  }

  /// Codes of fewer bits lie in a byte, which saturates later than they do.
  private func clipped(
    _ grid: (scale: Float, zero: Int), _ nodes: inout [ONNXNode], _ editor: inout GraphEditor
  ) -> String {
    guard format.bits < 8 else { return input }
    let low = editor.add("\(input)/low") {
      ONNXTensor(name: $0, Tensor([], [Float(-grid.zero) * grid.scale]))
    }
    let high = editor.add("\(input)/high") {
      ONNXTensor(name: $0, Tensor([], [Float(format.high - grid.zero) * grid.scale]))
    }
    let output = editor.name("\(input)/clipped")
    nodes.append(
      ONNXNode(name: output, type: "Clip", inputs: [input, low, high], outputs: [output]))
    return output
  }
}
