import ViseFormats
import ViseTensor

/// A node as operators see it when they are prepared: attributes, version, graphs inside.
struct NodeDescription: Sendable {
  let node: GraphNode
  /// The version of the operator set of the node's domain.
  let opset: Int
  let opsets: [String: Int]

  var outputCount: Int { node.outputs.count }
  var inputCount: Int { node.inputs.count }

  /// Larger than any dimension, pad or axis, and small enough that sums of a few do not overflow.
  static let integerLimit = 1 << 40

  func has(_ name: String) -> Bool { node.attributes[name] != nil }

  func int(_ name: String, default fallback: Int) throws(OperatorFault) -> Int {
    try int(name) ?? fallback
  }

  func int(_ name: String) throws(OperatorFault) -> Int? {
    guard let attribute = node.attributes[name] else { return nil }
    guard case .int(let value) = attribute, abs(Int(value.clamped)) <= Self.integerLimit else {
      throw .attribute(name)
    }
    return Int(value)
  }

  func flag(_ name: String, default fallback: Bool = false) throws(OperatorFault) -> Bool {
    try int(name, default: fallback ? 1 : 0) != 0
  }

  func ints(_ name: String) throws(OperatorFault) -> [Int]? {
    guard let attribute = node.attributes[name] else { return nil }
    guard case .ints(let values) = attribute,
      values.allSatisfy({ abs(Int($0.clamped)) <= Self.integerLimit })
    else { throw .attribute(name) }
    return values.map { Int($0) }
  }

  /// Integers of any size, as indices may be.
  func wideInts(_ name: String) throws(OperatorFault) -> [Int]? {
    guard let attribute = node.attributes[name] else { return nil }
    guard case .ints(let values) = attribute else { throw .attribute(name) }
    return values.map { Int($0) }
  }

  func float(_ name: String, default fallback: Float) throws(OperatorFault) -> Float {
    guard let attribute = node.attributes[name] else { return fallback }
    guard case .float(let value) = attribute else { throw .attribute(name) }
    return value
  }

  func float(_ name: String) throws(OperatorFault) -> Float? {
    has(name) ? try float(name, default: 0) : nil
  }

  func floats(_ name: String) throws(OperatorFault) -> [Float]? {
    guard let attribute = node.attributes[name] else { return nil }
    guard case .floats(let values) = attribute else { throw .attribute(name) }
    return values
  }

  func string(_ name: String, default fallback: String) throws(OperatorFault) -> String {
    guard let attribute = node.attributes[name] else { return fallback }
    guard case .string(let bytes) = attribute else { throw .attribute(name) }
    return String(decoding: bytes, as: UTF8.self)
  }

  func strings(_ name: String) throws(OperatorFault) -> [String]? {
    guard let attribute = node.attributes[name] else { return nil }
    guard case .strings(let values) = attribute else { throw .attribute(name) }
    return values.map { String(decoding: $0, as: UTF8.self) }
  }

  func tensor(_ name: String) throws(OperatorFault) -> Tensor? {
    guard let attribute = node.attributes[name] else { return nil }
    guard case .tensor(let stored) = attribute, let tensor = stored.tensor else {
      throw .attribute(name)
    }
    return tensor
  }

  /// An element type given by its number.
  func elementType(_ name: String) throws(OperatorFault) -> ElementType? {
    guard let number = try int(name), number != 0 else { return nil }
    guard let type = Int32(exactly: number).flatMap(ElementType.init(rawValue:)) else {
      throw .attribute(name)
    }
    guard type.isComputable else { throw .unsupported("elements of type \(type.name)") }
    return type
  }
}

extension Int64 {
  /// The value, with the one whose magnitude overflows moved by one.
  fileprivate var clamped: Int64 { self == .min ? .min + 1 : self }
}

/// Brings an axis counted from the end into `0..<rank`.
func normalizedAxis(_ axis: Int, rank: Int) throws(OperatorFault) -> Int {
  let result = axis < 0 ? axis + rank : axis
  guard result >= 0, result < rank else {
    throw .shapes("axis \(axis) of a tensor with \(rank) dimensions")
  }
  return result
}
