public import ViseTensor

/// Where one tensor of a checkpoint lies and how it is stored.
public struct TensorRecord: Hashable, Sendable {
  /// The tensor's key in the checkpoint, verbatim and therefore untrusted on a screen.
  public let name: String
  /// Outermost dimension first: a matrix is `[rows, columns]`; a scalar is empty.
  public let shape: [Int]
  public let type: StorageType
  /// Which of the checkpoint's files holds it.
  public let fileIndex: Int
  /// Where its first byte is, from the start of that file.
  public let offset: Int
  public let byteCount: Int

  public init(
    name: String, shape: [Int], type: StorageType, fileIndex: Int, offset: Int, byteCount: Int
  ) {
    self.name = name
    self.shape = shape
    self.type = type
    self.fileIndex = fileIndex
    self.offset = offset
    self.byteCount = byteCount
  }

  /// Number of elements; a checkpoint that opened holds no tensor for which this overflows.
  public var elementCount: Int { shape.reduce(1, *) }
}

/// Counts elements, or gives `nil` where the product overflows.
func elementCount(of shape: [Int]) -> Int? {
  var total = 1
  for dimension in shape {
    let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
    guard !overflow else { return nil }
    total = product
  }
  return total
}
