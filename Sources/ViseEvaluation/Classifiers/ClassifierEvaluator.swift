public import ViseCompression
import ViseFormats
public import ViseGraphs
public import ViseTensor

/// Measures plans of an ONNX classifier on labelled images.
///
/// The graph has one input, images × …, and its first output is images × classes of logits or of
/// anything softmax is taken of. Batches run side by side, one a thread.
public struct ClassifierEvaluator: Sendable {
  private let model: GraphModel
  private let program: GraphProgram
  private let images: LabelledImages
  private let pool: ComputePool
  private let byteLimit: Int

  /// Images run at once on a thread: few, so that what flows between layers stays in its cache.
  private static let batchLength = 4

  /// - Parameter byteLimit: bytes that one value of a run may have.
  public init(
    model: GraphModel, images: LabelledImages, pool: ComputePool, byteLimit: Int
  ) throws {
    program = try model.program()
    guard program.inputs.count == 1, !program.outputs.isEmpty else {
      throw GraphError.missingInput(program.inputs.dropFirst().first?.name ?? "")
    }
    self.model = model
    self.images = images
    self.pool = pool
    self.byteLimit = byteLimit
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

  /// The model as `plan` leaves it.
  public func planned(
    _ plan: Plan, calibration: (any CalibrationSource)?, cancellation: CancellationFlag
  ) throws -> PlannedGraph {
    try PlannedGraph(
      model, plan: plan, calibration: calibration,
      work: RowWork(pool: pool, cancellation: cancellation))
  }

  /// Runs reference and plan on all images.
  ///
  /// Both share what comes before the last cut ahead of the plan's first change.
  ///
  /// - Parameter progress: called with the images done, on one of the pool's threads.
  public func measure(
    _ planned: PlannedGraph, cancellation: CancellationFlag,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> ClassifierScores {
    let parts = try parts(planned, cancellation, progress)
    let classes = parts.reduce(0) { $0 + $1.reference.count } / images.count
    let rows = parts.flatMap { part in
      stride(from: 0, to: part.reference.count, by: classes).map { row in
        LogitComparison(
          reference: part.reference[row..<row + classes],
          planned: part.planned[row..<row + classes])
      }
    }
    return ClassifierScores(
      reference: rows.map(\.referenceClass), planned: rows.map(\.plannedClass),
      divergences: rows.map(\.divergence), labels: images.labels)
  }

  /// The reference's logits and the plan's on all images, images × classes each.
  public func logits(
    _ planned: PlannedGraph, cancellation: CancellationFlag
  ) throws -> (reference: [Float], planned: [Float]) {
    let parts = try parts(planned, cancellation) { _ in }
    return (parts.flatMap(\.reference), parts.flatMap(\.planned))
  }

  private func parts(
    _ planned: PlannedGraph, _ cancellation: CancellationFlag, _ progress: @Sendable (Int) -> Void
  ) throws -> [Part] {
    let other = planned.changed.isEmpty ? nil : try Other(planned, program)
    let count = (images.count + Self.batchLength - 1) / Self.batchLength
    let parts = PartList<Part>(count: count)
    let memories = (0..<pool.threadCount).map { _ in StoragePool(byteLimit: byteLimit / 8) }
    try pool.forEach(count) { item, worker in
      let first = item * Self.batchLength
      let range = first..<min(first + Self.batchLength, images.count)
      let context = GraphContext(
        pool: nil, memory: memories[worker], byteLimit: byteLimit, cancellation: cancellation)
      parts.set(item, to: try run(range, other, context))
      progress(range.upperBound)
    }
    return parts.values
  }

  /// The planned program, and where it can go on from what the reference made.
  private struct Other: Sendable {
    let program: GraphProgram
    /// The same value in the reference and here.
    let cut: (reference: Int, planned: Int)?

    init(_ planned: PlannedGraph, _ reference: GraphProgram) throws {
      program = try GraphProgram(planned.model)
      let weights = Set(planned.changed.compactMap { reference.value(named: $0) })
      let found = reference.lastCut(before: weights)
      let program = program
      cut = found.flatMap { cut in
        program.value(named: reference.valueName(cut)).map { (cut, $0) }
      }
    }
  }

  private func run(_ range: Range<Int>, _ other: Other?, _ context: GraphContext) throws -> Part {
    let (input, output) = (program.inputValues[0], program.outputs[0])
    let batch = images.batch(range)
    let cut = other?.cut
    let reference = try program.run(
      [input: batch], wanted: [output] + (cut.map { [$0.reference] } ?? []), context: context)
    let logits = try rows(reference[output], range)
    var planned = logits
    if let other {
      let start = cut.flatMap { cut in reference[cut.reference].map { [cut.planned: $0] } }
      let end = other.program.outputs[0]
      let made = try other.program.run(
        start ?? [other.program.inputValues[0]: batch], wanted: [end], context: context)
      planned = try rows(made[end], range)
    }
    let classes = logits.count / range.count
    for label in images.labels[range] where !(0..<classes).contains(label) {
      throw ImageSetError.labelOutOfRange(label, classes: classes)
    }
    return Part(reference: logits, planned: planned)
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
