import ViseFormats
import ViseTensor

/// Joins convolutions with the normalization, sum and rectifier that follow and nothing else reads.
///
/// What is joined is computed in the same order: (Σ + bias) · factor + shift + more, then max(0, ·);
/// a normalization's factor and shift are those of its definition.
struct ConvolutionFusion {
  private let steps: [GraphStep]
  private let known: [Tensor?]
  private let outputs: Set<Int>
  /// By value, the steps that read it.
  private var readers: [[Int]]
  private var hidden = Set<Int>()
  /// Steps that became part of another.
  private var absorbed = Set<Int>()
  private var joined: [Int: GraphStep] = [:]

  static func schedule(
    _ steps: [GraphStep], known: [Tensor?], outputs: [Int]
  ) -> Schedule {
    var fusion = ConvolutionFusion(steps, known, outputs)
    for index in steps.indices { fusion.join(from: index) }
    let result = steps.indices.compactMap { index in
      fusion.joined[index] ?? (fusion.absorbed.contains(index) ? nil : steps[index])
    }
    return Schedule(result, valueCount: known.count, hidden: fusion.hidden)
  }

  private init(_ steps: [GraphStep], _ known: [Tensor?], _ outputs: [Int]) {
    self.steps = steps
    self.known = known
    self.outputs = Set(outputs)
    readers = [[Int]](repeating: [], count: known.count)
    for (index, step) in steps.enumerated() {
      for value in step.reads { readers[value].append(index) }
    }
  }

  /// The only step that reads `value`, where that is of this type; `nil` for outputs.
  ///
  /// A step that became part of another is taken: both convolutions of a residual sum would want it.
  private func onlyReader(of value: Int, _ type: String) -> Int? {
    guard value >= 0, !outputs.contains(value), readers[value].count == 1,
      let reader = readers[value].first, !absorbed.contains(reader),
      steps[reader].node.domain.isEmpty,
      steps[reader].node.type == type
    else { return nil }
    return reader
  }

  private mutating func join(from index: Int) {
    let convolution = steps[index]
    guard convolution.node.type == "Conv", convolution.node.domain.isEmpty,
      let output = convolution.outputs.first
    else { return }
    var parts: [Int] = []
    var (value, more, rectifies) = (output, -1, false)
    var scaling: Scaling?
    if let next = onlyReader(of: value, "BatchNormalization"), steps[next].inputs.first == value,
      let found = Scaling(steps[next], known)
    {
      scaling = found
      parts.append(next)
      value = steps[next].outputs[0]
    }
    if let next = onlyReader(of: value, "Add"), steps[next].inputs.count == 2 {
      let other = steps[next].inputs[steps[next].inputs[0] == value ? 1 : 0]
      if other >= 0, other != value, known[other] == nil {
        more = other
        parts.append(next)
        value = steps[next].outputs[0]
      }
    }
    if let next = onlyReader(of: value, "Relu") {
      rectifies = true
      parts.append(next)
      value = steps[next].outputs[0]
    }
    guard let last = parts.last, value >= 0 else { return }
    guard
      let kernel = try? Self.kernel(convolution.node, scaling, rectifies: rectifies)
    else { return }
    hidden.formUnion(([index] + parts.dropLast()).map { steps[$0].outputs[0] })
    absorbed.formUnion([index] + parts)
    let inputs = (0..<3).map { $0 < convolution.inputs.count ? convolution.inputs[$0] : -1 }
    joined[last] = GraphStep(
      convolution.node, inputs: inputs + [more], outputs: [value], halves: .widened,
      kernel: kernel)
  }

  /// A normalization as a factor and a shift a channel.
  private struct Scaling {
    let factors: [Float]
    let shifts: [Float]

    /// `nil` where the parameters are not known before a run, or the node trains.
    init?(_ step: GraphStep, _ known: [Tensor?]) {
      guard step.inputs.count >= 5, step.outputs.filter({ $0 >= 0 }).count == 1,
        step.outputs.first ?? -1 >= 0, step.node.attributes["training_mode"] == nil
      else { return nil }
      let parameters = step.inputs[1...4].compactMap { $0 < 0 ? nil : known[$0] }
      guard parameters.count == 4,
        parameters.allSatisfy({ $0.type == .float32 && $0.shape == parameters[0].shape })
      else { return nil }
      var epsilon: Float = 1e-5
      if case .float(let value)? = step.node.attributes["epsilon"] { epsilon = value }
      let (scale, bias, mean, variance) = (
        parameters[0].values(Float.self), parameters[1].values(Float.self),
        parameters[2].values(Float.self), parameters[3].values(Float.self)
      )
      factors = scale.indices.map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
      let factors = factors
      shifts = scale.indices.map { bias[$0] - mean[$0] * factors[$0] }
    }
  }

  private static func kernel(
    _ node: GraphNode, _ scaling: Scaling?, rectifies: Bool
  ) throws -> Kernel {
    let description = NodeDescription(node: node, opset: 1, opsets: [:])
    let window = try SpatialWindow(description)
    let groups = try description.int("group", default: 1)
    let cache = FilterCache()
    return { inputs, context in
      let (x, weight) = (try inputs.required(0), try inputs.required(1))
      let shape = try ConvolutionShape(x.shape, weight: weight.shape, groups: groups, window)
      guard scaling?.factors.count ?? shape.filters == shape.filters,
        scaling == nil || x.type == .float32
      else { throw OperatorFault.shapes("a normalization of \(shape.filters) channels") }
      var finish = ConvolutionFinish(
        factors: scaling?.factors ?? [], shifts: scaling?.shifts ?? [], more: inputs[3],
        rectifies: rectifies)
      if x.type == .float32, finish.fits(shape) {
        return [
          try ConvolutionOperators.run(
            x, weight, inputs[2], groups: groups, window, context, cache: cache, finish: finish)
        ]
      }
      // A sum that broadcasts, or another type: one after the other.
      finish.more = nil
      finish.rectifies = false
      var result = try ConvolutionOperators.run(
        x, weight, inputs[2], groups: groups, window, context, cache: cache, finish: finish)
      if let more = inputs[3] {
        result = try ArithmeticOperators.pair(.add, result, more, context)
      }
      return [rectifies ? try ActivationOperators.relu(result, context) : result]
    }
  }
}
