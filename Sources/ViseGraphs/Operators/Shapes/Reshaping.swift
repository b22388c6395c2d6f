import ViseFormats
import ViseTensor

/// Operators that give the same elements another shape, or tell about shapes.
enum ReshapingOperators {
  static let all: [OperatorDefinition] =
    [
      move("Identity") { _ in { inputs, _ in [try inputs.required(0)] } },
      move("Reshape", opsets: 5...1000) { node in
        let allowsZero = try node.flag("allowzero")
        return { inputs, _ in
          let x = try inputs.required(0)
          guard let wanted = try inputs.integers(1) else { throw OperatorFault.missingInput(1) }
          return [x.reshaped(try shape(of: x, wanted, allowsZero: allowsZero))]
        }
      },
      move("Flatten") { node in
        let axis = try node.int("axis", default: 1)
        return { inputs, _ in
          let x = try inputs.required(0)
          let place = axis < 0 ? axis + x.rank : axis
          guard (0...x.rank).contains(place) else { throw OperatorFault.attribute("axis") }
          let rows = x.shape[..<place].reduce(1, *)
          return [x.reshaped([rows, x.shape[place...].reduce(1, *)])]
        }
      },
      move("Shape") { node in
        let (start, end) = (try node.int("start", default: 0), try node.int("end"))
        return { inputs, _ in
          let shape = try inputs.required(0).shape
          let from = bounded(start, shape.count)
          let to = max(from, bounded(end ?? shape.count, shape.count))
          return [Tensor([to - from], shape[from..<to].map { Int64($0) })]
        }
      },
      move("Size") { _ in { inputs, _ in [Tensor([], [Int64(try inputs.required(0).count)])] } },
    ] + squeezing("Squeeze", squeezed) + squeezing("Unsqueeze", unsqueezed)

  private static func move(
    _ name: String, opsets: ClosedRange<Int> = 1...1000,
    _ prepare: @escaping @Sendable (NodeDescription) throws -> Kernel
  ) -> OperatorDefinition {
    OperatorDefinition(name, opsets: opsets, halves: .asTheyAre, prepare)
  }

  /// The axes are an attribute before version 13 and an input from then on.
  private static func squeezing(
    _ name: String, _ body: @escaping @Sendable (Tensor, [Int]?) throws -> Tensor
  ) -> [OperatorDefinition] {
    [
      move(name, opsets: 1...12) { node in
        let axes = try node.ints("axes")
        return { inputs, _ in [try body(inputs.required(0), axes)] }
      },
      move(name, opsets: 13...1000) { _ in
        { inputs, _ in [try body(inputs.required(0), inputs.integers(1))] }
      },
    ]
  }

  private static func bounded(_ index: Int, _ count: Int) -> Int {
    min(max(index < 0 ? index + count : index, 0), count)
  }

  @Sendable
  private static func squeezed(_ x: Tensor, _ axes: [Int]?) throws -> Tensor {
    guard let axes else { return x.reshaped(x.shape.filter { $0 != 1 }) }
    let places = Set(try axes.map { try normalizedAxis($0, rank: x.rank) })
    guard places.allSatisfy({ x.shape[$0] == 1 }) else {
      throw OperatorFault.shapes("axes \(axes) of \(x.shape) are not all of length 1")
    }
    return x.reshaped(x.shape.indices.filter { !places.contains($0) }.map { x.shape[$0] })
  }

  @Sendable
  private static func unsqueezed(_ x: Tensor, _ axes: [Int]?) throws -> Tensor {
    guard let axes else { throw OperatorFault.attribute("axes") }
    guard axes.count <= 64 else { throw OperatorFault.value("\(axes.count) axes") }
    let rank = x.rank + axes.count
    let places = Set(try axes.map { try normalizedAxis($0, rank: rank) })
    guard places.count == axes.count else { throw OperatorFault.value("axes appear twice") }
    var rest = x.shape.makeIterator()
    return x.reshaped((0..<rank).map { places.contains($0) ? 1 : rest.next() ?? 1 })
  }

  /// The shape asked for, with 0 for a dimension as it is and -1 for what is left over.
  static func shape(
    of x: Tensor, _ wanted: [Int], allowsZero: Bool
  ) throws(OperatorFault) -> [Int] {
    guard wanted.count <= 64 else { throw .value("a shape of \(wanted.count) dimensions") }
    var result = wanted
    for (axis, length) in wanted.enumerated() where length == 0 && !allowsZero {
      guard axis < x.rank else { throw .shapes("\(wanted) copies an axis that is not there") }
      result[axis] = x.shape[axis]
    }
    if let free = result.firstIndex(of: -1) {
      result[free] = 1
      guard let known = Tensor.elementCount(of: result), known > 0 || x.count == 0 else {
        throw .shapes("\(x.shape) has no shape \(wanted)")
      }
      result[free] = known == 0 ? 0 : x.count / known
    }
    guard Tensor.elementCount(of: result) == x.count,
      x.count > 0 || Tensor.boxCount(of: result) ?? .max <= 1 << 24
    else {
      throw .shapes("\(x.shape) has no shape \(wanted)")
    }
    return result
  }
}
