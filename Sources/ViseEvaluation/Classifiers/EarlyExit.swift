public import ViseGraphs
public import ViseTensor

/// What a classifier would be and cost if images that are easy left it early.
///
/// At each exit a linear probe (`RidgeProbe`) reads each channel's mean, and an image leaves at the
/// first exit whose largest number is above a threshold, as in BranchyNet (Teerapittayanon et al.,
/// "BranchyNet: Fast inference via early exiting from deep neural networks", ICPR 2016), whose exits
/// and gates are trained; so are those of JEI-DNN (Regol et al., ICLR 2024). Probes are fitted on some
/// of the images, figures are of the others.
public struct EarlyExitStudy: Sendable {
  private let program: GraphProgram
  private let images: LabelledImages
  private let pool: ComputePool
  private let byteLimit: Int
  private let points: ExitPoints
  private let cost: GraphCost
  /// Images that probes are fitted on, the first of all.
  private let fitCount: Int
  private let classes: Int
  /// Names of the exits' values, the cheapest first.
  public let exits: [String]

  /// - Parameters:
  ///   - images: in an order that chance has made.
  ///   - exits: names of values; by default the ends of residual stages.
  ///   - fitShare: the share of the images that probes are fitted on, between 0 and 1.
  /// - Throws: `WhatIfError`, `GraphError`.
  public init(
    model: GraphModel, images: LabelledImages, exits: [String] = [], fitShare: Double = 0.5,
    pool: ComputePool, byteLimit: Int
  ) throws {
    precondition(fitShare > 0 && fitShare < 1)
    self.images = images
    self.pool = pool
    self.byteLimit = byteLimit
    program = try model.program()
    guard program.inputs.count == 1 else { throw WhatIfError.noExits }
    let context = GraphContext(pool: nil, memory: nil, byteLimit: byteLimit)
    let input = images.batch(0..<1)
    cost = try GraphCost(model.source, input: input, context: context)
    points = ExitPoints(model, program, cost)
    let output = program.outputs[0]
    classes =
      try program.run([program.inputValues[0]: input], wanted: [output], context: context)[output]?
      .count ?? 0
    fitCount = Int(Double(images.count) * fitShare)
    guard fitCount > classes, images.count - fitCount > 1, classes > 1 else {
      throw WhatIfError.tooFewImages(images.count, needed: 2 * (classes + 1))
    }
    for label in images.labels where !(0..<classes).contains(label) {
      throw ImageSetError.labelOutOfRange(label, classes: classes)
    }
    self.exits =
      exits.isEmpty
      ? try points.chosen(input: input, classes: classes, context: context)
      : try points.ordered(exits)
    guard !self.exits.isEmpty else { throw WhatIfError.noExits }
  }

  /// Fits the probes and says where each of the other images may leave.
  ///
  /// - Parameter progress: called with the images done, on one of the pool's threads.
  public func run(
    cancellation: CancellationFlag, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> EarlyExitResult {
    let made = try collect(cancellation, progress)
    let judged = fitCount..<images.count
    let labels = Array(images.labels[judged])
    let exits = try self.exits.indices.map { index in
      let features = made.features[index]
      let probe = try RidgeProbe(
        features: features.rows(0..<fitCount), labels: Array(images.labels[..<fitCount]),
        classes: classes)
      let scores = probe.scores(features.rows(judged))
      return EarlyExitResult.Exit(
        value: self.exits[index], features: features.columns, penalty: probe.penalty,
        macs: points.macs(for: self.exits[...index])
          + made.features[...index].reduce(0) { $0 + $1.columns * classes },
        answers: withExtendedLifetime(scores) {
          (0..<scores.rows).map { row in
            EarlyExitResult.Answer(
              scores: UnsafeBufferPointer(start: scores.row(row), count: classes))
          }
        }, labels: labels)
    }
    return EarlyExitResult(
      exits: exits, model: Array(made.classes[judged]), labels: labels, modelMACs: cost.macs,
      probeMACs: made.features.reduce(0) { $0 + $1.columns * classes }, fitCount: fitCount)
  }

  private struct Part: Sendable {
    let classes: [Int]
    /// By exit, images × features.
    let features: [[Float]]
  }

  /// Of all images the class the model names, and by exit what probes read.
  private func collect(
    _ cancellation: CancellationFlag, _ progress: @Sendable (Int) -> Void
  ) throws -> (classes: [Int], features: [Matrix]) {
    let places = try exits.map { name in
      guard let place = program.value(named: name) else { throw WhatIfError.noSuchValue(name) }
      return place
    }
    let length = ClassifierEvaluator.batchLength
    let count = (images.count + length - 1) / length
    let parts = PartList<Part>(count: count)
    let memories = (0..<pool.threadCount).map { _ in StoragePool(byteLimit: byteLimit / 8) }
    try pool.forEach(count) { batch, worker in
      let range = batch * length..<min((batch + 1) * length, images.count)
      let context = GraphContext(
        pool: nil, memory: memories[worker], byteLimit: byteLimit, cancellation: cancellation)
      parts.set(batch, to: try part(range, places, context))
      progress(range.upperBound)
    }
    let all = parts.values
    let features = exits.indices.map { index in
      let values = all.flatMap { $0.features[index] }
      return Matrix(rows: images.count, columns: values.count / images.count, values: values)
    }
    return (all.flatMap(\.classes), features)
  }

  private func part(_ range: Range<Int>, _ places: [Int], _ context: GraphContext) throws -> Part {
    let output = program.outputs[0]
    let made = try program.run(
      [program.inputValues[0]: images.batch(range)], wanted: places + [output], context: context)
    guard let logits = made[output], logits.type == .float32,
      logits.count == range.count * classes
    else {
      throw ImageSetError.wrongShape(images: made[output]?.shape ?? [], labels: [range.count])
    }
    let rows = logits.values(Float.self)
    let features = try zip(places, exits).map { place, name in
      guard let value = made[place], value.shape.first == range.count,
        let features = ExitFeatures(value)
      else { throw WhatIfError.unusableValue(name, shape: made[place]?.shape ?? []) }
      return features.values
    }
    return Part(
      classes: (0..<range.count).map { image in
        rows[image * classes..<(image + 1) * classes].withUnsafeBufferPointer {
          EarlyExitResult.Answer(scores: $0).label
        }
      }, features: features)
  }
}
