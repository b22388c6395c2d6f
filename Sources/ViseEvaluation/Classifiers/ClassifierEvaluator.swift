public import ViseCompression
import ViseFormats
public import ViseGraphs
public import ViseTensor

/// Measures plans of an ONNX classifier on labelled images.
///
/// The graph has one input, images × …, and its first output is images × classes of logits or of
/// anything softmax is taken of. Batches run side by side, one a thread. What the reference makes of
/// an image is kept: a plan runs from the last value before its first change.
public struct ClassifierEvaluator: Sendable {
  private let model: GraphModel
  private let program: GraphProgram
  private let images: LabelledImages
  private let pool: ComputePool
  private let byteLimit: Int
  private let checkpoints: ReferenceCheckpoints

  /// Images run at once on a thread: few, so that what flows between layers stays in its cache.
  public static let batchLength = 4

  /// - Parameters:
  ///   - byteLimit: bytes that one value of a run may have.
  ///   - checkpointBudget: bytes that what the reference makes inside may take, for the plans that
  ///     follow; 0 is best where none does.
  public init(
    model: GraphModel, images: LabelledImages, pool: ComputePool, byteLimit: Int,
    checkpointBudget: Int? = nil
  ) throws {
    let program = try model.program()
    guard program.inputs.count == 1, !program.outputs.isEmpty else {
      throw GraphError.missingInput(program.inputs.dropFirst().first?.name ?? "")
    }
    (self.model, self.program) = (model, program)
    self.images = images
    self.pool = pool
    self.byteLimit = byteLimit
    let context = GraphContext(pool: nil, memory: nil, byteLimit: byteLimit)
    let cuts = program.cuts(before: []).filter { !program.outputs.contains($0) }
    let made = try program.run(
      [program.inputValues[0]: images.batch(0..<1)], wanted: cuts, context: context)
    var sizes: [(cut: Int, byteCount: Int)] = []
    for cut in cuts {
      guard let bytes = made[cut]?.byteCount else { continue }
      let (product, overflows) = bytes.multipliedReportingOverflow(by: images.count)
      if !overflows { sizes.append((cut, product)) }
    }
    checkpoints = ReferenceCheckpoints(
      sizes: sizes, byteBudget: checkpointBudget ?? byteLimit / 4)
  }

  /// One batch's logits, images × classes.
  private struct Part: Sendable {
    let reference: [Float]
    let planned: [Float]
  }

  /// By image, the class it is.
  public var labels: [Int] { images.labels }

  /// The sites of the model.
  public var sites: [GraphSite] { model.sites }

  /// Whether the first output is a softmax's.
  private var endsWithSoftmax: Bool {
    let output = program.valueName(program.outputs[0])
    return model.source.graph.nodes.contains { $0.type == "Softmax" && $0.outputs.contains(output) }
  }

  /// The model as `plan` leaves it.
  public func planned(
    _ plan: Plan, calibration: (any CalibrationSource)?, cancellation: CancellationFlag
  ) throws -> PlannedGraph {
    try PlannedGraph(
      model, plan: plan, calibration: calibration,
      work: RowWork(pool: pool, cancellation: cancellation))
  }

  /// Runs the plan on the images `range`, all by default, and the reference where it was not yet.
  ///
  /// - Parameters:
  ///   - range: begins at a multiple of `batchLength`.
  ///   - progress: called with the images done, on one of the pool's threads.
  public func measure(
    _ planned: PlannedGraph, images range: Range<Int>? = nil, cancellation: CancellationFlag,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> ClassifierScores {
    let range = (range ?? 0..<images.count).clamped(to: 0..<images.count)
    let parts = try parts(planned, range, cancellation, progress)
    let classes = parts.reduce(0) { $0 + $1.reference.count } / max(range.count, 1)
    let rows = parts.flatMap { part in
      stride(from: 0, to: part.reference.count, by: max(classes, 1)).map { row in
        LogitComparison(
          reference: part.reference[row..<row + classes],
          planned: part.planned[row..<row + classes], areProbabilities: endsWithSoftmax)
      }
    }
    return ClassifierScores(rows, labels: Array(images.labels[range]))
  }

  /// The reference's logits and the plan's on all images, images × classes each.
  public func logits(
    _ planned: PlannedGraph, cancellation: CancellationFlag
  ) throws -> (reference: [Float], planned: [Float]) {
    let parts = try parts(planned, 0..<images.count, cancellation) { _ in }
    return (parts.flatMap(\.reference), parts.flatMap(\.planned))
  }

  private func parts(
    _ planned: PlannedGraph, _ range: Range<Int>, _ cancellation: CancellationFlag,
    _ progress: @Sendable (Int) -> Void
  ) throws -> [Part] {
    let length = Self.batchLength
    precondition(range.lowerBound % length == 0)
    let other = planned.changed.isEmpty ? nil : try Other(planned, program)
    let first = range.lowerBound / length
    let count = (range.upperBound + length - 1) / length - first
    let parts = PartList<Part>(count: count)
    let memories = (0..<pool.threadCount).map { _ in StoragePool(byteLimit: byteLimit / 8) }
    try pool.forEach(count) { item, worker in
      let batch = first + item
      let covered = batch * length..<min((batch + 1) * length, images.count)
      let context = GraphContext(
        pool: nil, memory: memories[worker], byteLimit: byteLimit, cancellation: cancellation)
      let reference = try reference(batch, covered, for: other, context)
      let logits = try other.map { try run($0, reference, covered, context) }
      let kept = range.clamped(to: covered).count * reference.logits.count / covered.count
      parts.set(
        item,
        to: Part(
          reference: Array(reference.logits.prefix(kept)),
          planned: Array((logits ?? reference.logits).prefix(kept))))
      progress(covered.upperBound)
    }
    return parts.values
  }

  /// The planned program, and where it can go on from what the reference made.
  private struct Other: Sendable {
    let program: GraphProgram
    /// The same values in the reference and here, the deepest last.
    let cuts: [(reference: Int, planned: Int)]

    init(_ planned: PlannedGraph, _ reference: GraphProgram) throws {
      program = try GraphProgram(planned.model)
      let weights = Set(planned.changed.compactMap { reference.value(named: $0) })
      let program = program
      cuts = reference.cuts(before: weights).compactMap { cut in
        program.value(named: reference.valueName(cut)).map { (cut, $0) }
      }
    }

    /// The deepest of `values` that a run can begin with.
    func start(_ values: [Int: Tensor]) -> [Int: Tensor]? {
      cuts.last { values[$0.reference] != nil }.flatMap { cut in
        values[cut.reference].map { [cut.planned: $0] }
      }
    }
  }

  /// What the reference makes of a batch; run once.
  ///
  /// The first time there is the value, too, that `other` best begins with, which is not kept for it.
  private func reference(
    _ batch: Int, _ range: Range<Int>, for other: Other?, _ context: GraphContext
  ) throws -> ReferenceCheckpoints.Batch {
    if let known = checkpoints.batch(batch) { return known }
    let (input, output) = (program.inputValues[0], program.outputs[0])
    let start = other?.cuts.last.map { [$0.reference] } ?? []
    var made = try program.run(
      [input: images.batch(range)], wanted: [output] + checkpoints.cuts + start, context: context)
    let logits = try rows(made[output], range)
    let classes = logits.count / range.count
    for label in images.labels[range] where !(0..<classes).contains(label) {
      throw ImageSetError.labelOutOfRange(label, classes: classes)
    }
    made[output] = nil
    let kept = made.filter { checkpoints.cuts.contains($0.key) }
    checkpoints.keep(ReferenceCheckpoints.Batch(logits: logits, values: kept), at: batch)
    return ReferenceCheckpoints.Batch(logits: logits, values: made)
  }

  private func run(
    _ other: Other, _ reference: ReferenceCheckpoints.Batch, _ range: Range<Int>,
    _ context: GraphContext
  ) throws -> [Float] {
    let end = other.program.outputs[0]
    let made = try other.program.run(
      other.start(reference.values) ?? [other.program.inputValues[0]: images.batch(range)],
      wanted: [end], context: context)
    return try rows(made[end], range)
  }

  private func rows(_ tensor: Tensor?, _ range: Range<Int>) throws -> [Float] {
    guard let tensor, tensor.type == .float32, tensor.shape.first == range.count,
      tensor.count > 0
    else {
      throw ImageSetError.wrongShape(images: tensor?.shape ?? [], labels: [range.count])
    }
    return tensor.values(Float.self)
  }
}
