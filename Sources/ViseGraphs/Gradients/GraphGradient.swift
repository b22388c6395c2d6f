public import ViseFormats
public import ViseTensor

/// A graph whose first output can be differentiated by its weights: reverse mode, operation by operation.
///
/// Runs are on the calling thread, so that batches can run side by side. Normalizations named in
/// `batchNormalized` take mean and variance from the batch itself, as in training; all others are
/// those of inference.
public final class GraphGradient: Sendable {
  /// Names of the values gradients are for, as given.
  public let parameters: [String]
  /// By normalization that uses the batch's statistics, the name of its scale.
  public let batchNormalized: [String]
  private let program: GraphProgram
  private let places: [Int]
  private let steps: [DifferentiableStep]
  private let output: Int

  /// - Parameters:
  ///   - parameters: float constants, or values an operation makes of constants such as a
  ///     dequantized weight's.
  ///   - batchNormalized: names of the scales of BatchNormalization operations.
  /// - Throws: `GradientError`, `GraphError`.
  public init(
    _ model: ONNXModel, parameters: [String], batchNormalized: Set<String> = []
  ) throws {
    let program = try GraphProgram(model, weights: Set(parameters))
    guard program.inputValues.count == 1, let output = program.outputs.first else {
      throw GradientError.notAFunctionOfOneInput
    }
    let places = try parameters.map { name in
      guard let place = program.value(named: name) else { throw GradientError.notAParameter(name) }
      return place
    }
    let opset = model.opsets[""] ?? 1
    var builder = GradientBuilder(
      program: program, places: places, opset: opset, opsets: model.opsets,
      batchNormalized: batchNormalized)
    steps = try builder.steps(for: output)
    for (name, place) in zip(parameters, places) where !builder.isReached.contains(place) {
      throw GradientError.notAParameter(name)
    }
    guard builder.isActive[output] else { throw GradientError.notAFunctionOfOneInput }
    self.batchNormalized = steps.compactMap(\.statistics)
    self.program = program
    self.parameters = parameters
    self.places = places
    self.output = output
  }

  /// What a forward run leaves for the backward run; belongs to one thread at a time.
  public struct Tape {
    fileprivate let values: [Tensor?]
    /// By step, what it left for its derivative.
    fileprivate let saved: [[Tensor]]
    public let output: Tensor
    /// By entry of `batchNormalized`, what the batch has.
    public let statistics: [BatchMoments]
  }

  /// The output for a batch.
  ///
  /// - Parameters:
  ///   - input: in the shape the graph's input has, images first.
  ///   - parameters: in the order of `parameters`, instead of the file's values.
  public func forward(
    _ input: Tensor, parameters: [Tensor], context: GraphContext
  ) throws -> Tape {
    precondition(parameters.count == places.count)
    let context = context.kernelContext
    var values = program.known
    values[program.inputValues[0]] = input
    for (place, tensor) in zip(places, parameters) { values[place] = tensor }
    var saved = [[Tensor]](repeating: [], count: steps.count)
    var statistics: [BatchMoments] = []
    for (index, step) in steps.enumerated() {
      try context.work.cancellation.check()
      let results = try step.step.run({ values[$0] }, context)
      if step.statistics != nil {
        saved[index] = Array(results[1...])
        statistics.append(BatchMoments(mean: results[1], variance: results[2]))
      }
      for (output, result) in zip(step.step.outputs, results) where output >= 0 {
        values[output] = result
      }
    }
    guard let result = values[output], result.type == .float32 else {
      throw GradientError.notAFunctionOfOneInput
    }
    return Tape(values: values, saved: saved, output: result, statistics: statistics)
  }

  /// The gradients of Σ `gradient` · output by each parameter, in their order and shapes.
  public func backward(
    _ tape: consuming Tape, gradient: Tensor, context: GraphContext
  ) throws -> [Tensor] {
    precondition(gradient.shape == tape.output.shape)
    let context = context.kernelContext
    var values = tape.values
    var gradients = [Tensor?](repeating: nil, count: values.count)
    gradients[output] = gradient
    for (index, step) in steps.enumerated().reversed() {
      guard let derivative = step.derivative else { continue }
      try context.work.cancellation.check()
      try step.goBack(derivative, &values, &gradients, tape.saved[index], context)
    }
    return try zip(places, parameters).map { place, name in
      guard let gradient = gradients[place] else { throw GradientError.notAParameter(name) }
      return gradient
    }
  }
}

/// Mean and biased variance of each channel of a batch, and what they were taken of.
public struct BatchMoments: Sendable {
  public let mean: Tensor
  public let variance: Tensor

  public init(mean: Tensor, variance: Tensor) {
    self.mean = mean
    self.variance = variance
  }

  /// The same numbers in memory of their own.
  var copy: BatchMoments {
    BatchMoments(
      mean: Tensor(mean.shape, mean.values(Float.self)),
      variance: Tensor(variance.shape, variance.values(Float.self)))
  }
}

/// An operation with its derivative, where the output depends on a parameter through it.
struct DifferentiableStep: Sendable {
  let step: GraphStep
  let derivative: Derivative?
  /// By input, whether it depends on a parameter.
  let wanted: [Bool]
  /// The name of the scale of a normalization by the batch's statistics.
  let statistics: String?

  /// Adds what the operation's inputs get; its outputs and their gradients are let go.
  func goBack(
    _ derivative: Derivative, _ values: inout [Tensor?], _ gradients: inout [Tensor?],
    _ saved: [Tensor], _ context: KernelContext
  ) throws {
    let own = step.outputs.map { $0 < 0 ? nil : gradients[$0] }
    guard own.contains(where: { $0 != nil }) else { return }
    let call = DerivativeCall(
      inputs: KernelInputs(tensors: step.inputs.map { $0 < 0 ? nil : values[$0] }),
      outputs: step.outputs.compactMap { $0 < 0 ? nil : values[$0] }, gradients: own,
      wanted: wanted, saved: saved)
    let results: [Tensor?]
    do {
      results = try derivative(call, context)
    } catch let fault as OperatorFault {
      throw GraphError.operation(node: step.node.label, type: step.node.operatorName, fault)
    }
    for case let (value, result?) in zip(step.inputs, results) where value >= 0 {
      gradients[value] =
        try gradients[value].map { try ArithmeticOperators.pair(.add, $0, result, context) }
        ?? result
    }
    for output in step.outputs where output >= 0 {
      gradients[output] = nil
      values[output] = nil
    }
  }
}

/// Finds the operations a gradient goes through.
private struct GradientBuilder {
  let program: GraphProgram
  let places: [Int]
  let opset: Int
  let opsets: [String: Int]
  let batchNormalized: Set<String>
  /// By value, whether it depends on a parameter.
  private(set) var isActive: [Bool]
  /// Parameters that an operation reads.
  private(set) var isReached = Set<Int>()

  init(
    program: GraphProgram, places: [Int], opset: Int, opsets: [String: Int],
    batchNormalized: Set<String>
  ) {
    self.program = program
    self.places = places
    self.opset = opset
    self.opsets = opsets
    self.batchNormalized = batchNormalized
    isActive = [Bool](repeating: false, count: program.known.count)
  }

  mutating func steps(for output: Int) throws -> [DifferentiableStep] {
    for place in places { isActive[place] = true }
    // What makes a parameter of constants is not run: the parameter is given.
    let placeholder = Tensor(.float32, [])
    let given = Dictionary(
      (places + program.inputValues).map { ($0, placeholder) }, uniquingKeysWith: { a, _ in a })
    let needed = program.plain.needed(for: [output], given: given, known: program.known)
    var missing = Set<String>()
    var steps: [DifferentiableStep] = []
    for index in needed {
      let step = program.plain.steps[index]
      do {
        steps.append(try differentiable(step))
      } catch GradientError.notDifferentiable(let names) {
        missing.formUnion(names)
      } catch let fault as OperatorFault {
        throw GraphError.operation(node: step.node.label, type: step.node.operatorName, fault)
      }
    }
    guard missing.isEmpty else { throw GradientError.notDifferentiable(missing.sorted()) }
    return steps
  }

  private mutating func differentiable(_ step: GraphStep) throws -> DifferentiableStep {
    let wanted = step.inputs.map { $0 >= 0 && isActive[$0] }
    let description = NodeDescription(node: step.node, opset: opset, opsets: opsets)
    if let scale = scale(of: step) {
      for output in step.outputs where output >= 0 { isActive[output] = true }
      reach(step)
      let normalization = try BatchNormalizationTraining(description)
      return DifferentiableStep(
        step: GraphStep(
          step.node, inputs: step.inputs, outputs: step.outputs, halves: step.halves,
          kernel: normalization.kernel),
        derivative: normalization.derivative, wanted: wanted, statistics: scale)
    }
    guard wanted.contains(true), !DerivativeRegistry.stops(at: step.node) else {
      return DifferentiableStep(step: step, derivative: nil, wanted: wanted, statistics: nil)
    }
    guard let definition = DerivativeRegistry.find(step.node) else {
      throw GradientError.notDifferentiable([step.node.operatorName])
    }
    for output in step.outputs where output >= 0 { isActive[output] = true }
    reach(step)
    return DifferentiableStep(
      step: step, derivative: try definition.prepare(description), wanted: wanted, statistics: nil)
  }

  private mutating func reach(_ step: GraphStep) {
    for input in step.reads where isActive[input] { isReached.insert(input) }
  }

  /// The name of the scale of a normalization that is to use the batch's statistics.
  private func scale(of step: GraphStep) -> String? {
    guard step.node.type == "BatchNormalization", step.node.domain.isEmpty, step.inputs.count == 5,
      step.inputs[1] >= 0
    else { return nil }
    let name = program.valueName(step.inputs[1])
    return batchNormalized.contains(name) ? name : nil
  }
}
