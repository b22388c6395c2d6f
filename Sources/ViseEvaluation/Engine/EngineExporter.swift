import ViseEstimates
import ViseModels
import ViseTensor

/// Runs the exports a front end asks for; each ends in exactly one event.
struct EngineExporter {
  let model: Model
  let calibration: CalibrationFile?
  let levels: LevelDatabase?
  let pool: ComputePool
  let inbox: EngineInbox
  let describe: @Sendable (any Error) -> String
  let emit: @Sendable (EngineEvent) -> Void

  func run(_ wish: EngineInbox.ExportWish) {
    let flag = inbox.begin(.export(job: wish.job)).1
    var coalescer = ProgressCoalescer()
    emit(.activity("exporting"))
    do {
      let exporter = ModelExporter(
        model: model, calibration: calibration, levels: levels, pool: pool)
      let bytes = try exporter.export(
        wish.plan, to: wish.path, as: model.exportTarget(of: wish.plan, path: wish.path),
        replacing: wish.overwrite, cancellation: flag
      ) { done, total in
        if let remaining = coalescer.report(done: done, total: total) {
          emit(
            .progress(
              JobProgress(
                job: wish.job, activity: "exporting", completed: done, total: total,
                secondsRemaining: remaining.seconds)))
        }
      }
      emit(.jobEnded(job: wish.job, .finished("\(bytes) bytes written to \(wish.path)")))
    } catch is CancelledError {
      emit(.jobEnded(job: wish.job, .cancelled))
    } catch {
      emit(.jobEnded(job: wish.job, .failed(describe(error))))
    }
    emit(.activity(nil))
  }
}

/// Lets through at most ten reports a second, and the last, unless told otherwise.
public struct ProgressCoalescer {
  /// What is left of a job; unknown before anything is done.
  public struct Remaining {
    public let seconds: Double?
  }

  private let start = ContinuousClock.now
  private var last: ContinuousClock.Instant?
  private let interval: Duration
  private let reportsEnds: Bool

  /// - Parameters:
  ///   - interval: the shortest between two reports that are not dropped.
  ///   - reportsEnds: whether the first and the last report are not dropped either.
  public init(interval: Duration = .milliseconds(100), reportsEnds: Bool = true) {
    self.interval = interval
    self.reportsEnds = reportsEnds
    if !reportsEnds { last = start }
  }

  /// The time left at the mean speed so far; `nil` where this report should be dropped.
  public mutating func report(done: Int, total: Int) -> Remaining? {
    let now = ContinuousClock.now
    if done < total || !reportsEnds, let last, now - last < interval { return nil }
    last = now
    guard done > 0 else { return Remaining(seconds: nil) }
    let elapsed = (now - start) / .seconds(1)
    return Remaining(seconds: elapsed / Double(done) * Double(total - done))
  }
}
