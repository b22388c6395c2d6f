import Synchronization
import ViseGraphs
import ViseTensor

/// The gradients of one batch, worked out in parts side by side.
struct TrainingStep: Sendable {
  let gradient: GraphGradient
  let teacher: GraphProgram?
  let examples: any TrainingExamples
  let options: TrainingOptions
  let parameters: [TrainableParameter]
  let pool: ComputePool
  let cancellation: CancellationFlag
  private let byteLimit: Int
  /// By thread, memory that its runs use again.
  private let memories: [StoragePool]

  init(
    gradient: GraphGradient, teacher: GraphProgram?, examples: any TrainingExamples,
    options: TrainingOptions, parameters: [TrainableParameter], pool: ComputePool, byteLimit: Int,
    cancellation: CancellationFlag
  ) {
    self.gradient = gradient
    self.teacher = teacher
    self.examples = examples
    self.options = options
    self.parameters = parameters
    self.pool = pool
    self.cancellation = cancellation
    self.byteLimit = byteLimit
    memories = (0..<pool.threadCount).map { _ in StoragePool(byteLimit: byteLimit / 4) }
  }

  struct Result {
    let value: DistillationLoss.Value
    /// By parameter.
    let gradients: [Tensor]
    /// By part of the batch, those of each normalization.
    let statistics: [[BatchMoments]]
  }

  private struct Part: Sendable {
    let value: DistillationLoss.Value
    let gradients: [Tensor]
    let statistics: [BatchMoments]
  }

  /// - Parameter weights: what is trained; nobody changes it meanwhile.
  func run(_ indices: [Int], epoch: Int, weights: [Tensor]) throws -> Result {
    let values = try zip(parameters, weights).map { try $0.value(of: $1) }
    let count = (indices.count + options.partLength - 1) / options.partLength
    let parts = Mutex([Part?](repeating: nil, count: count))
    try pool.forEach(count) { item, worker in
      let range = item * options.partLength..<min((item + 1) * options.partLength, indices.count)
      let context = GraphContext(
        pool: nil, memory: memories[worker], byteLimit: byteLimit, cancellation: cancellation)
      let made = try part(
        Array(indices[range]), of: indices.count, epoch: epoch, values, context)
      parts.withLock { $0[item] = made }
    }
    let made = parts.withLock { $0.compactMap { $0 } }
    var value = DistillationLoss.Value()
    for part in made { value.add(part.value) }
    let gradients = try summed(made, weights)
    return Result(value: value, gradients: gradients, statistics: made.map(\.statistics))
  }

  private func part(
    _ indices: [Int], of batchLength: Int, epoch: Int, _ values: [Tensor], _ context: GraphContext
  ) throws -> Part {
    let batch = options.augmentation.applied(
      to: examples.batch(of: indices), indices: indices, epoch: epoch, seed: options.seed)
    let tape = try gradient.forward(batch, parameters: values, context: context)
    let output = tape.output
    guard output.rank >= 1, output.shape[0] == indices.count, output.count > 0 else {
      throw TrainingError.wrongOutput(shape: output.shape, examples: indices.count)
    }
    let teaching = try teacher.map { teacher in
      let place = teacher.outputs[0]
      let made = try teacher.run(
        [teacher.inputValues[0]: batch], wanted: [place], context: context)
      guard let logits = made[place], logits.shape == output.shape, logits.type == .float32 else {
        throw TrainingError.wrongTeacher(
          shape: made[place]?.shape ?? [], expected: output.shape)
      }
      return logits
    }
    let labels =
      options.loss.teacherWeight < 1 ? indices.map { examples.label(of: $0) } : []
    let slope = Tensor(.float32, output.shape)
    let value = try options.loss.evaluate(
      output, teacher: teaching, labels: labels, batchLength: batchLength, gradient: slope)
    let statistics = tape.statistics
    return Part(
      value: value, gradients: try gradient.backward(tape, gradient: slope, context: context),
      statistics: statistics)
  }

  /// The parts' gradients added in their order, restricted to what may change, and cut to the limit.
  private func summed(_ parts: [Part], _ weights: [Tensor]) throws -> [Tensor] {
    let result = weights.map { Tensor($0.shape, [Float](repeating: 0, count: $0.count)) }
    for part in parts {
      for (sum, gradient) in zip(result, part.gradients) {
        let (target, source) = (sum.pointer(Float.self), gradient.pointer(Float.self))
        for i in 0..<sum.count { target[i] += source[i] }
      }
    }
    var squares = 0.0
    for (index, gradient) in result.enumerated() {
      try parameters[index].restrict(gradient, at: weights[index])
      for i in 0..<gradient.count {
        let value = Double(gradient.pointer(Float.self)[i])
        squares += value * value
      }
    }
    let norm = squares.squareRoot()
    // Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).
    if norm > Double(options.gradientLimit) {
      let factor = Float(Double(options.gradientLimit) / norm)
      for gradient in result {
        for i in 0..<gradient.count { gradient.pointer(Float.self)[i] *= factor }
      }
    }
    return result
  }
}
