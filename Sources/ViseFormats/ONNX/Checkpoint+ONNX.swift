import ViseTensor

extension Checkpoint {
  /// The tensor called `prefix` + `name` as ONNX has it, called `name`, its bytes where they lie.
  ///
  /// `nil` where there is none, or it is of a type that ONNX has not.
  public func onnxTensor(_ name: String, prefix: String = "") -> ONNXTensor? {
    guard let record = record(named: prefix + name) else { return nil }
    let type: ElementType
    switch record.type {
    case .f32: type = .float32
    case .f16: type = .float16
    case .bf16: type = .bfloat16
    case .i64: type = .int64
    default: return nil
    }
    let range = record.offset..<record.offset + record.byteCount
    return ONNXTensor(
      name: name, type: type, shape: record.shape,
      data: ByteRegion(file: files[record.fileIndex], range: range))
  }
}
