import ViseTensor

/// Sums of products over indices named by letters: Einstein's notation.
///
/// Operands are brought to one box of all letters and multiplied, then the letters that the result
/// lacks are summed.
struct Einsum {
  private let operands: [[Character]]
  private let output: [Character]

  /// - Throws: `OperatorFault` where the equation is not one.
  init(equation text: String) throws(OperatorFault) {
    let equation = text.filter { $0 != " " }
    let sides = equation.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let left = sides[0].split(separator: ",", omittingEmptySubsequences: false)
    operands = left.map { Array($0.replacing("...", with: ".")) }
    if sides.count == 2 {
      guard sides[1].first == ">" else { throw .attribute("equation") }
      output = Array(sides[1].dropFirst().replacing("...", with: "."))
    } else {
      let letters = operands.joined()
      let once = Set(letters).filter { letter in
        letter != "." && letters.count { $0 == letter } == 1
      }
      output = (letters.contains(".") ? ["."] : []) + once.sorted()
    }
    let isValid = (operands + [output]).allSatisfy { letters in
      letters.allSatisfy { $0 == "." || ($0.isLetter && $0.isASCII) }
        && letters.count { $0 == "." } <= 1
    }
    guard isValid, Set(output).count == output.count,
      Set(output).isSubset(of: Set(operands.joined()))
    else { throw .attribute("equation") }
  }

  func run(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    guard inputs.count == operands.count else { throw OperatorFault.missingInput(inputs.count) }
    let tensors = try operands.indices.map { try inputs.required($0) }
    let free = try freeCount(tensors)
    let names = operands.map { expanded($0, free) }
    let result = expanded(output, free)
    var lengths: [String: Int] = [:]
    for (operand, tensor) in tensors.enumerated() {
      let own = aligned(names[operand], tensor.rank)
      guard own.count == tensor.rank else {
        throw OperatorFault.shapes("\(tensor.shape) has no indices \(names[operand])")
      }
      for (name, length) in zip(own, tensor.shape) {
        guard [nil, 1, length].contains(lengths[name]) || length == 1 else {
          throw OperatorFault.shapes("index \(name) of different lengths")
        }
        lengths[name] = max(lengths[name] ?? 1, length)
      }
    }
    let summed = lengths.keys.filter { !result.contains($0) }.sorted()
    let order = result + summed
    let box = order.map { lengths[$0] ?? 1 }
    var product: Tensor?
    for (operand, tensor) in tensors.enumerated() {
      let spread = try spread(
        tensor, aligned(names[operand], tensor.rank), order, box, context)
      product =
        try product.map { try ArithmeticOperators.pair(.multiply, $0, spread, context) }
        ?? spread
    }
    guard let product else { throw OperatorFault.missingInput(0) }
    let whole = try RearrangingOperators.expanded(product, box, context)
    guard !summed.isEmpty else { return whole }
    return try ReductionOperators.reduce(
      .sum, whole, axes: Array(result.count..<order.count), keeps: false, context)
  }

  /// Dimensions the dots stand for: those of the operand that has most.
  private func freeCount(_ tensors: [Tensor]) throws(OperatorFault) -> Int {
    var most = 0
    for (letters, tensor) in zip(operands, tensors) {
      let free = tensor.rank - letters.count { $0 != "." }
      guard free >= 0, free == 0 || letters.contains(".") else {
        throw .shapes("\(tensor.shape) for the indices \(String(letters))")
      }
      if letters.contains(".") { most = max(most, free) }
    }
    return most
  }

  /// Names of indices, with numbered ones for the dots.
  private func expanded(_ letters: [Character], _ free: Int) -> [String] {
    letters.flatMap { $0 == "." ? (0..<free).map { ".\($0)" } : [String($0)] }
  }

  /// The names of an operand that has fewer dimensions for its dots than others: the last ones.
  private func aligned(_ names: [String], _ rank: Int) -> [String] {
    var surplus = names.count - rank
    return names.filter { name in
      guard surplus > 0, name.hasPrefix(".") else { return true }
      surplus -= 1
      return false
    }
  }

  /// The tensor with a dimension for each index of `order`, of length 1 where it has none.
  private func spread(
    _ x: Tensor, _ names: [String], _ order: [String], _ box: [Int], _ context: KernelContext
  ) throws -> Tensor {
    let own = rowMajorStrides(x.shape)
    var (shape, strides) = (box.map { _ in 1 }, box.map { _ in 0 })
    for (axis, name) in names.enumerated() {
      guard let place = order.firstIndex(of: name) else { continue }
      // An index that appears twice walks the diagonal.
      shape[place] = max(shape[place], x.shape[axis])
      strides[place] += x.shape[axis] == 1 ? 0 : own[axis]
    }
    let result = try context.make(x.type, shape)
    try x.type.dispatchWidth(StridedCopy(source: x, offset: 0, strides: strides, result: result))
    return result
  }
}

enum EinsumOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Einsum") { node in
      let einsum = try Einsum(equation: try node.string("equation", default: ""))
      return { [try einsum.run($0, $1)] }
    }
  ]
}
