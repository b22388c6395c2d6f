public import ViseTensor

/// Why an ONNX file cannot be read: which file, where in it, and what is wrong there.
///
/// Names come from the file and are untrusted on a screen.
public struct ONNXError: Error, Hashable, Sendable {
  public let file: String
  public let place: Place
  public let reason: Reason

  public init(file: String, place: Place, reason: Reason) {
    self.file = file
    self.place = place
    self.reason = reason
  }

  /// Where in the file the fault was met.
  public enum Place: Hashable, Sendable {
    case file
    case graph
    case tensor(String)
    case node(name: String, type: String)
    case attribute(String, node: String, type: String)
  }

  /// What is wrong there.
  public enum Reason: Hashable, Sendable {
    case unreadable(StorageError)
    /// The bytes are no protocol buffer of the right kind.
    case invalidEncoding
    case noGraph
    /// More of something than any real model has.
    case implausible(String, count: Int, limit: Int)
    case unknownElementType(Int32)
    case negativeDimension(Int64)
    case sizeOverflow
    /// The data is not as long as shape and type say.
    case dataMismatch(expected: Int, found: Int)
    /// External data without a location, or with a value that is no number.
    case invalidExternalData(key: String)
    /// External data outside the model's folder.
    case unsafeLocation(String)
    case externalDataOutOfBounds(end: Int, limit: Int)
    /// An attribute without a value, or with one of a kind that is not read.
    case unsupportedAttribute
    case duplicateName(String)
    /// Something that was read past and cannot be written again.
    case unwritable
  }
}

extension ONNXError: CustomStringConvertible {
  public var description: String { "\(file): \(placeText)\(reasonText)" }

  private var placeText: String {
    switch place {
    case .file: ""
    case .graph: "graph: "
    case .tensor(let name): "tensor \"\(name)\": "
    case .node(let name, let type): "node \"\(name)\" (\(type)): "
    case .attribute(let attribute, let node, let type):
      "attribute \"\(attribute)\" of node \"\(node)\" (\(type)): "
    }
  }

  private var reasonText: String {
    switch reason {
    case .unreadable(let error): sentence(error)
    case .invalidEncoding: "the bytes are no ONNX protocol buffer, or are cut short"
    case .noGraph: "there is no graph"
    case .implausible(let what, let count, let limit): "\(count) \(what), at most \(limit) are read"
    case .unknownElementType(let type): "unknown element type \(type)"
    case .negativeDimension(let dimension): "a dimension of \(dimension)"
    case .sizeOverflow: "the size overflows"
    case .dataMismatch(let expected, let found):
      "\(found) bytes of data where shape and type need \(expected)"
    case .invalidExternalData(let key): "external data: \"\(key)\" is missing or not a number"
    case .unsafeLocation(let path):
      "external data at \"\(path)\", which is not in the model's folder"
    case .externalDataOutOfBounds(let end, let limit):
      "external data ends at \(end), beyond \(limit)"
    case .unsupportedAttribute: "its value is missing or of a kind that is not supported"
    case .duplicateName(let name): "the name \"\(name)\" appears twice"
    case .unwritable: "it is of a kind that Vise reads past and cannot write again"
    }
  }
}
