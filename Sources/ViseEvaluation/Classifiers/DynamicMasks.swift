import ViseFormats
public import ViseGraphs
public import ViseTensor

/// What a classifier would be and cost if each convolution computed only the channels that fire.
///
/// Masks are those of `MassMask`, taken from the outputs themselves: an oracle, the upper bound for a
/// predictor of these masks ("Fire Together Wire Together", Elkerdawy et al., CVPR 2022), whose own
/// cost is not counted. The rest of the network is not trained to live with masks. A convolution of
/// which an image keeps a share of the outputs, and that reads a masked value, takes that share of that
/// share of its MACs.
public struct DynamicMaskStudy: Sendable {
  /// What masks of one share r do.
  public struct Result: Sendable {
    public let share: Double
    /// The model is the reference, the masked one the plan.
    public let scores: ClassifierScores
    /// MACs of one image: the mean over the images, and the most that one of them takes.
    public let expectedMACs: Double
    public let worstMACs: Double
    /// By the convolution's output, the mean share of channels kept.
    public let kept: [(convolution: String, share: Double)]
  }

  private let model: GraphModel
  private let program: GraphProgram
  private let images: LabelledImages
  private let pool: ComputePool
  private let byteLimit: Int
  private let points: [MaskPoints.Point]
  private let cost: GraphCost

  /// - Throws: `WhatIfError`, `GraphError`.
  public init(
    model: GraphModel, images: LabelledImages, pool: ComputePool, byteLimit: Int
  ) throws {
    self.model = model
    self.images = images
    self.pool = pool
    self.byteLimit = byteLimit
    program = try model.program()
    points = MaskPoints(model.source.graph).points
    guard !points.isEmpty, program.inputs.count == 1 else { throw WhatIfError.noConvolutions }
    cost = try GraphCost(
      model.source, input: images.batch(0..<1),
      context: GraphContext(pool: nil, memory: nil, byteLimit: byteLimit))
  }

  /// MACs of one image without masks.
  public var macs: Int { cost.macs }

  private struct Part: Sendable {
    let rows: [LogitComparison]
    /// By point and image.
    let kept: [[Double]]
    let macs: [Double]
  }

  /// Runs all images with masks that keep `share` of the mass, above 0 and at most 1.
  ///
  /// - Parameter progress: called with the images done, on one of the pool's threads.
  public func run(
    share: Double, cancellation: CancellationFlag, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> Result {
    let length = ClassifierEvaluator.batchLength
    let count = (images.count + length - 1) / length
    let parts = PartList<Part>(count: count)
    let memories = (0..<pool.threadCount).map { _ in StoragePool(byteLimit: byteLimit / 8) }
    try pool.forEach(count) { batch, worker in
      let range = batch * length..<min((batch + 1) * length, images.count)
      let context = GraphContext(
        pool: nil, memory: memories[worker], byteLimit: byteLimit, cancellation: cancellation)
      parts.set(batch, to: try part(range, share, context))
      progress(range.upperBound)
    }
    let all = parts.values
    let macs = all.flatMap(\.macs)
    let total = Double(max(images.count, 1))
    return Result(
      share: share, scores: ClassifierScores(all.flatMap(\.rows), labels: images.labels),
      expectedMACs: macs.reduce(0, +) / total, worstMACs: macs.max() ?? 0,
      kept: points.enumerated().map { index, point in
        (point.convolution, all.reduce(0) { $0 + $1.kept[index].reduce(0, +) } / total)
      })
  }

  private func part(
    _ range: Range<Int>, _ share: Double, _ context: GraphContext
  ) throws -> Part {
    let (input, output) = (program.inputValues[0], program.outputs[0])
    var given = [input: images.batch(range)]
    let reference = try program.run(given, wanted: [output], context: context)[output]
    var kept: [String: [Double]] = [:]
    var macs = [Double](repeating: Double(cost.macs), count: range.count)
    for point in points {
      guard let place = program.value(named: point.value),
        let read = program.value(named: point.input)
      else { throw WhatIfError.noSuchValue(point.value) }
      let made = try program.run(given, wanted: [read, place], context: context)
      // Kept, so that sums of masked values are not made again for each layer behind them.
      given[read] = made[read]
      let value = made[place]
      guard let value, value.type == .float32, value.rank >= 3, value.shape[0] == range.count else {
        throw WhatIfError.unusableValue(point.value, shape: value?.shape ?? [])
      }
      let mask = MassMask(value, share: share)
      given[place] = mask.masked
      let own = mask.kept.map { Double($0) / Double(mask.channels) }
      kept[point.value] = own
      let whole = Double(cost.macsByValue[point.convolution] ?? 0)
      for image in macs.indices {
        let read = point.source.flatMap { kept[$0]?[image] } ?? 1
        macs[image] -= whole * (1 - own[image] * read)
      }
    }
    let masked = try program.run(given, wanted: [output], context: context)[output]
    return Part(
      rows: try comparisons(reference, masked, range), kept: points.map { kept[$0.value] ?? [] },
      macs: macs)
  }

  private func comparisons(
    _ reference: Tensor?, _ masked: Tensor?, _ range: Range<Int>
  ) throws -> [LogitComparison] {
    guard let reference, let masked, reference.type == .float32, masked.type == .float32,
      reference.shape == masked.shape, reference.shape.first == range.count, reference.count > 0
    else {
      throw ImageSetError.wrongShape(images: reference?.shape ?? [], labels: [range.count])
    }
    let classes = reference.count / range.count
    for label in images.labels[range] where !(0..<classes).contains(label) {
      throw ImageSetError.labelOutOfRange(label, classes: classes)
    }
    let (a, b) = (reference.values(Float.self), masked.values(Float.self))
    return (0..<range.count).map { image in
      let row = image * classes..<(image + 1) * classes
      return LogitComparison(reference: a[row], planned: b[row])
    }
  }
}
