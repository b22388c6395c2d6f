public import ViseFormats
public import ViseGraphs
public import ViseTensor

/// Trains what a plan left of a model, towards labels, the model as it was, or both.
///
/// Parts of a batch run side by side on the pool's threads; their gradients are added in the order of
/// the parts, so that the result depends on neither the number of threads nor on stops and resumes.
public struct Trainer: Sendable {
  private let graph: TrainableGraph
  private let insertion: NormalizationInsertion?
  private let gradient: GraphGradient
  private let teacher: GraphProgram?
  private let examples: any TrainingExamples
  private let options: TrainingOptions
  private let pool: ComputePool
  private let byteLimit: Int

  /// How training went.
  public struct Result: Sendable {
    /// The planned graph with trained constants.
    public let model: ONNXModel
    public let epochs: [TrainingEpoch]
    public let stepCount: Int
    /// Steps that an earlier run had done.
    public let resumedStepCount: Int
  }

  /// What a run tells while it goes on.
  public struct Progress: Sendable {
    public let step: Int
    public let stepCount: Int
    /// Of the epoch that is going on: number from 1, mean loss in nats and share of hits so far.
    public let epoch: Int
    public let loss: Double
    public let accuracy: Double
  }

  /// - Parameters:
  ///   - reference: the model as it was, which teaches where the loss gives its outputs weight.
  ///   - normalizes: whether convolutions are given normalizations while training goes on.
  ///   - byteLimit: bytes that one value of a run may have.
  public init(
    _ graph: TrainableGraph, reference: ONNXModel, examples: any TrainingExamples,
    options: TrainingOptions, normalizes: Bool = true, pool: ComputePool, byteLimit: Int
  ) throws {
    guard !graph.parameters.isEmpty else { throw TrainingError.nothingToTrain }
    guard examples.count > 0 else { throw TrainingError.noExamples }
    var trained = graph
    var found: NormalizationInsertion?
    if normalizes {
      let indices = Self.spread(over: examples.count, count: Self.momentExamples)
      let context = GraphContext(pool: pool, memory: nil, byteLimit: byteLimit)
      let insertion = try NormalizationInsertion(
        graph, images: examples.batch(of: indices), context: context)
      found = insertion.scales.isEmpty ? nil : insertion
      if let found { trained = found.graph }
    }
    self.graph = trained
    insertion = found
    gradient = try GraphGradient(
      trained.model, parameters: trained.parameters.map(\.name),
      batchNormalized: Set(found?.scales ?? []))
    teacher = options.loss.teacherWeight > 0 ? try GraphProgram(reference) : nil
    self.examples = examples
    self.options = options
    self.pool = pool
    self.byteLimit = byteLimit
  }

  /// Examples that the first moments of the inserted normalizations are taken of.
  private static let momentExamples = 256

  private static func spread(over count: Int, count wanted: Int) -> [Int] {
    let step = max(1, count / wanted)
    return Array(stride(from: 0, to: count, by: step).prefix(wanted))
  }

  private var stepsPerEpoch: Int {
    (examples.count + options.batchLength - 1) / options.batchLength
  }

  /// Steps of a whole run.
  public var stepCount: Int { stepsPerEpoch * options.epochs }

  /// Trains, from where the file at `checkpoint` says that an earlier run stopped.
  ///
  /// - Parameters:
  ///   - checkpoint: where unfinished work is kept; `nil` keeps none.
  ///   - identity: of model, plan, data and options, by which unfinished work is known.
  ///   - progress: called after each step, on the calling thread.
  /// - Throws: `TrainingError`, `GraphError`, `CancelledError` once what was done is kept, and what
  ///   writing throws.
  public func run(
    checkpoint path: String? = nil, identity: String = "", cancellation: CancellationFlag,
    progress: (Progress) -> Void = { _ in }
  ) throws -> Result {
    let checkpoint = path.map { TrainingCheckpoint(path: $0, identity: identity) }
    var state = freshState()
    if let kept = try checkpoint?.read(like: state) { state = kept }
    let resumed = state.step
    var optimizer = Optimizer(
      options, weights: state.weights, decays: graph.parameters.map(\.decays))
    optimizer.restore(
      weights: state.weights, memory: state.memory, stepCount: state.step)
    let rate = LearningRate(options.schedule, peak: options.rate, stepCount: stepCount)
    let worker = TrainingStep(
      gradient: gradient, teacher: teacher, examples: examples, options: options,
      parameters: graph.parameters, pool: pool, byteLimit: byteLimit, cancellation: cancellation)
    var order: [Int] = []
    var saved = ContinuousClock.now
    do {
      while state.step < stepCount {
        let (epoch, place) = state.step.quotientAndRemainder(dividingBy: stepsPerEpoch)
        if place == 0 || order.isEmpty { order = shuffled(epoch) }
        let indices = order[(place * options.batchLength)...].prefix(options.batchLength)
        let result = try worker.run(Array(indices), epoch: epoch, weights: optimizer.weights)
        guard result.value.loss.isFinite else { throw TrainingError.diverged(step: state.step) }
        optimizer.step(result.gradients, rate: rate.rate(at: state.step))
        update(&state, result, optimizer)
        progress(report(state, seen: place * options.batchLength + indices.count))
        if place == stepsPerEpoch - 1 { endEpoch(&state) }
        if ContinuousClock.now - saved > Self.savingInterval {
          try checkpoint?.write(state)
          saved = .now
        }
      }
    } catch let error as CancelledError {
      try checkpoint?.write(state)
      throw error
    }
    return Result(
      model: try model(state), epochs: state.epochs, stepCount: stepCount,
      resumedStepCount: resumed)
  }

  /// How much work a crash may cost.
  private static let savingInterval: Duration = .seconds(10)

  private func freshState() -> TrainingState {
    let weights = graph.parameters.map { $0.initial }
    let optimizer = Optimizer(options, weights: weights, decays: weights.map { _ in false })
    return TrainingState(
      weights: optimizer.weights, memory: optimizer.memory,
      statistics: insertion?.moments(in: gradient.batchNormalized) ?? [])
  }

  /// The order of an epoch's examples: Fisher and Yates' shuffle from the seed.
  private func shuffled(_ epoch: Int) -> [Int] {
    var random = RandomSource(seed: options.seed &+ UInt64(epoch) &* 0xA076_1D64_78BD_642F)
    return (0..<examples.count).shuffled(using: &random)
  }

  /// Keeps what the step made, and lets the statistics of inference follow those of the batches.
  private func update(
    _ state: inout TrainingState, _ result: TrainingStep.Result, _ optimizer: Optimizer
  ) {
    state.step += 1
    state.weights = optimizer.weights
    state.memory = optimizer.memory
    state.current.add(result.value)
    for part in result.statistics {
      for (index, moments) in part.enumerated() {
        let share = (1 - Self.statisticsMomentum) / Float(result.statistics.count)
        Self.blend(moments.mean, into: state.statistics[index].mean, share)
        Self.blend(moments.variance, into: state.statistics[index].variance, share)
      }
    }
  }

  /// What of the statistics one step leaves.
  private static let statisticsMomentum: Float = 0.95

  private static func blend(_ new: Tensor, into old: Tensor, _ share: Float) {
    for i in 0..<old.count {
      old.pointer(Float.self)[i] +=
        share * (new.pointer(Float.self)[i] - old.pointer(Float.self)[i])
    }
  }

  private func report(_ state: TrainingState, seen: Int) -> Progress {
    Progress(
      step: state.step, stepCount: stepCount, epoch: (state.step - 1) / stepsPerEpoch + 1,
      loss: state.current.loss / Double(seen), accuracy: Double(state.current.hits) / Double(seen))
  }

  private func endEpoch(_ state: inout TrainingState) {
    let count = Double(examples.count)
    state.epochs.append(
      TrainingEpoch(loss: state.current.loss / count, accuracy: Double(state.current.hits) / count))
    state.current = DistillationLoss.Value()
  }

  private func model(_ state: TrainingState) throws -> ONNXModel {
    guard let insertion else { return try graph.model(with: state.weights) }
    return try insertion.model(
      with: state.weights, statistics: state.statistics, of: gradient.batchNormalized)
  }
}
