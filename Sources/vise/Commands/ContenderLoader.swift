import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseTensor

/// One side of a comparison with its exact size.
struct ComparedSide {
  let name: String
  let contender: Comparison.Contender
  let byteCount: Int
  /// The kind of file `byteCount` is of.
  let target: String
}

/// Opens what a comparison needs; all models share one pool, and the memory.
struct ContenderLoader {
  let text: EvaluationText
  let reference: PlanEvaluator?
  private let command: CompareCommand
  private let textPath: String
  private let pool: ComputePool
  private let recorder: TrialRecorder?

  init(command: CompareCommand, textPath: String) throws {
    self.command = command
    self.textPath = textPath
    pool = command.options.pool()
    let path = command.model ?? command.first
    let model = try Model(path: path)
    text = try TextLoader(model: model).load(
      path: textPath, windowLength: command.window, limit: command.limit)
    reference =
      command.model == nil
      ? nil
      : try Self.evaluator(
        model, text, pool, command, calibration: try command.calibration.load(for: model))
    recorder =
      reference == nil ? nil : TrialRecorder.standard(origin: "compare")
  }

  /// The plan or model at `path`.
  func load(_ path: String) throws -> ComparedSide {
    if CompareCommand.isPlan(path), let reference {
      let model = reference.session.model
      let plan = try PlanLoader.load(path, model: model).plan
      return ComparedSide(
        name: path, contender: .plan(plan), byteCount: model.sizeModel.byteCount(of: plan),
        target: model.sizeModel.target(of: plan).rawValue)
    }
    let model = try Model(path: path)
    let own = try TextLoader(model: model).load(
      path: textPath, windowLength: command.window, limit: command.limit)
    guard own == text else { throw InputError.otherTokens(path: path) }
    return ComparedSide(
      name: path,
      contender: .model(try Self.evaluator(model, text, pool, command, calibration: nil)),
      byteCount: model.fileByteCount, target: model.checkpoint.format.rawValue)
  }

  /// Keeps what was measured of plans.
  func record(_ sides: [ComparedSide], _ outcome: Comparison.Outcome) {
    guard let reference, let recorder else { return }
    for (side, figures) in zip(sides, [outcome.first, outcome.second]) {
      guard case .plan(let plan) = side.contender, !plan.isEmpty, let quality = figures.quality
      else { continue }
      recorder.add(plan, measured: quality, on: text, session: reference.session)
    }
  }

  private static func evaluator(
    _ model: Model, _ text: EvaluationText, _ pool: ComputePool, _ command: CompareCommand,
    calibration: CalibrationFile?
  ) throws -> PlanEvaluator {
    try CalibrationOptions.check(calibration, against: text)
    let models = Set([command.model, command.first, command.second].compactMap { $0 })
      .count { !CompareCommand.isPlan($0) }
    let session = try ModelSession(
      model: model, calibration: calibration, levels: LevelDatabase.standard(), pool: pool,
      budget: MemoryBudget(total: command.options.memoryByteCount / max(models, 1)))
    try session.prefetchWeights(cancellation: Interrupt.flag)
    return PlanEvaluator(session: session, text: text)
  }
}
