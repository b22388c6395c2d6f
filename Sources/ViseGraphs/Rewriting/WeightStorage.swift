import ViseCompression
import ViseFormats
import ViseTensor

/// A compressed weight as codes, scales and a DequantizeLinear that makes the weight's value.
struct WeightStorage {
  let site: GraphSite
  let stored: CompressedSite

  private var format: IntegerFormat? {
    if case .integer(let format) = stored.format { format } else { nil }
  }

  /// Why codes cannot be stored, or `nil` where they can.
  func misfit(opset: Int) -> String? {
    guard let format else { return "ONNX has no such format; the decoded values are stored" }
    guard case .dense = stored.storage, !stored.leavesBasis else {
      return "the decoded values are stored"
    }
    return Self.misfit(format, of: site, opset: opset)
  }

  /// Why `site` cannot be codes of `format`, or `nil` where it can.
  static func misfit(_ format: IntegerFormat, of site: GraphSite, opset: Int) -> String? {
    guard site.type == .float32 else { return "the decoded values are stored" }
    switch site.site.role {
    case .transposedConvolution: return "this role is stored as the decoded values"
    case .recurrentInput, .recurrentState:
      if site.shape[0] > 1 {
        return "scales lie along one dimension in ONNX; the decoded values are stored"
      }
    default: break
    }
    switch format.granularity {
    case .tensor: return opset >= 10 ? nil : "codes need version 10 of the operators"
    case .channel: return opset >= 13 ? nil : "scales a channel need version 13 of the operators"
    case .group(let length):
      guard opset >= 21 else { return "scales a group need version 21 of the operators" }
      guard site.shape.count == 2, site.site.columns % length == 0 else {
        return "groups lie along one dimension in ONNX; the decoded values are stored"
      }
      return nil
    }
  }

  /// Replaces the constant; returns the values it then has, outputs × inputs.
  func insert(into editor: inout GraphEditor) throws -> Matrix {
    guard let format, case .dense(let encoded) = stored.storage else {
      throw CompressionError.unsuitable("no codes to store")
    }
    let integers = format.integers(of: encoded)
    let type = Self.elementType(format, opset: editor.opset)
    let name = site.site.name
    let codes = editor.add("\(name)/codes") {
      ONNXTensor(name: $0, tensor(integers.codes, type, columns: stored.columns))
    }
    let spans = format.granularity == .tensor ? 1 : integers.scales.count / max(stored.rows, 1)
    let scales = editor.add("\(name)/scales") { name in
      ONNXTensor(
        name: name, arranged(Tensor(shape(format, spans), integers.scales), spans))
    }
    var inputs = [codes, scales]
    if !integers.zeros.isEmpty {
      let points = integers.zeros.map { Int16($0) }
      inputs.append(
        editor.add("\(name)/zeros") { name in
          ONNXTensor(
            name: name, arranged(cast(points, type, shape(format, spans)), spans))
        })
    }
    editor.remove(name)
    editor.insertFirst(Self.decoder(format, of: site, reading: inputs))
    return values(integers, format, spans)
  }

  /// The dimension of the file's tensor along which outputs lie; before gates there are directions.
  private static func outputAxis(of site: GraphSite) -> Int {
    switch site.site.role {
    case .recurrentInput, .recurrentState: 1
    default: site.isTransposed ? 1 : 0
    }
  }

  /// The operation that makes the weight's value of codes, scales and zeros.
  static func decoder(
    _ format: IntegerFormat, of site: GraphSite, reading inputs: [String]
  ) -> ONNXNode {
    let axis = outputAxis(of: site)
    var attributes: [String: ONNXAttribute] = [:]
    if format.granularity != .tensor { attributes["axis"] = .int(Int64(axis)) }
    if case .group(let length) = format.granularity {
      attributes["axis"] = .int(Int64(1 - axis))
      attributes["block_size"] = .int(Int64(length))
    }
    let name = site.site.name
    return ONNXNode(
      name: "\(name)/dequantize", type: "DequantizeLinear", inputs: inputs, outputs: [name],
      attributes: attributes)
  }

  /// What a reader of the exported file computes: (code − zero) · scale in float32.
  private func values(
    _ integers: IntegerFormat.Integers, _ format: IntegerFormat, _ spans: Int
  ) -> Matrix {
    let result = Matrix(rows: stored.rows, columns: stored.columns)
    let length = format.spanLength(columns: stored.columns)
    for row in 0..<stored.rows {
      for column in 0..<stored.columns {
        let place = format.granularity == .tensor ? 0 : row * spans + column / length
        let zero = integers.zeros.isEmpty ? 0 : Float(integers.zeros[place])
        let index = row * stored.columns + column
        result.pointer[index] = (Float(integers.codes[index]) - zero) * integers.scales[place]
      }
    }
    return result
  }

  /// The narrowest of ONNX's types that holds the codes.
  static func elementType(_ format: IntegerFormat, opset: Int) -> ElementType {
    if opset >= 21, format.bits <= 4 { return format.isSymmetric ? .int4 : .uint4 }
    return format.isSymmetric ? .int8 : .uint8
  }

  private func shape(_ format: IntegerFormat, _ spans: Int) -> [Int] {
    switch format.granularity {
    case .tensor: []
    case .channel: [stored.rows]
    default: [stored.rows, spans]
    }
  }

  /// Scales outputs × spans in the order of the file.
  private func arranged(_ tensor: Tensor, _ spans: Int) -> Tensor {
    guard site.isTransposed, tensor.rank == 2 else { return tensor }
    let result = Tensor(tensor.type, [spans, stored.rows])
    let width = tensor.type.byteCount
    for row in 0..<stored.rows {
      for span in 0..<spans {
        (result.storage.pointer + (span * stored.rows + row) * width).copyMemory(
          from: tensor.storage.pointer + (row * spans + span) * width, byteCount: width)
      }
    }
    return result
  }

  private func tensor(_ codes: [Int16], _ type: ElementType, columns: Int) -> Tensor {
    guard site.isTransposed else { return cast(codes, type, site.shape) }
    let rows = codes.count / max(columns, 1)
    let turned = (0..<columns).flatMap { column in
      (0..<rows).map { codes[$0 * columns + column] }
    }
    return cast(turned, type, site.shape)
  }

  /// Integers as elements of a byte each in memory.
  private func cast(_ values: [Int16], _ type: ElementType, _ shape: [Int]) -> Tensor {
    let result = Tensor(type, shape)
    for (index, value) in values.enumerated() {
      result.storage.pointer.storeBytes(
        of: UInt8(truncatingIfNeeded: value), toByteOffset: index, as: UInt8.self)
    }
    return result
  }
}
