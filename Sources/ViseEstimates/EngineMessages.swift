public import ViseCompression

/// Names one state of the plan; a newer edit has a larger revision.
public typealias PlanRevision = Int

/// What a front end asks of the engine.
///
/// Requests never block the caller.
public enum EngineRequest: Hashable, Sendable {
  /// Estimate `plan` as well as possible; supersedes every older request.
  ///
  /// `attention` lists sites by index, those the user looks at first: their sensitivity is
  /// measured before that of the rest.
  case evaluate(plan: Plan, revision: PlanRevision, attention: [Int])
  /// The user looks elsewhere; the plan is unchanged.
  case attend([Int])
  /// Write `plan` as a file other runtimes load.
  case export(plan: Plan, path: String, overwrite: Bool, job: Int)
  /// End a job.
  case cancel(job: Int)
  /// Look at the values of the site with this index under `treatment`, before anything but an
  /// export under way; supersedes the inspection before.
  case inspect(site: Int, treatment: Treatment)
  /// Find the singular values of the sites with these indices, after any inspection.
  case findSpectra([Int])
  /// Nobody waits for the inspection any longer.
  case endInspection
  /// Look for the best plan in the background, after what the plan on screen needs; one at a time.
  case search(SearchWish, job: Int)
  /// Let the search wait, or go on.
  case setSearchPaused(Bool)
  /// Find the plans measured so far on the text in use.
  case findMeasuredPlans
  /// Pause or resume background work.
  case setPaused(Bool)
}

/// The effect of treating one site alone, on the probe.
public struct SiteSensitivity: Hashable, Sendable {
  public let siteIndex: Int
  public let treatment: Treatment
  /// KL(reference‖only this site treated) on the probe, in nats.
  public let klMean: Estimate

  public init(siteIndex: Int, treatment: Treatment, klMean: Estimate) {
    self.siteIndex = siteIndex
    self.treatment = treatment
    self.klMean = klMean
  }
}

/// How a job ended; every job ends in exactly one of these.
public enum JobOutcome: Hashable, Sendable {
  case finished(String)
  case failed(String)
  case cancelled
}

/// A job's progress, at most ten times a second.
public struct JobProgress: Hashable, Sendable {
  public let job: Int
  /// Such as `measuring` or `exporting`.
  public let activity: String
  public let completed: Int
  public let total: Int
  public let secondsRemaining: Double?

  public init(
    job: Int, activity: String, completed: Int, total: Int, secondsRemaining: Double?
  ) {
    self.job = job
    self.activity = activity
    self.completed = completed
    self.total = total
    self.secondsRemaining = secondsRemaining
  }
}

/// What the engine reports, as values.
public enum EngineEvent: Hashable, Sendable {
  /// The layers are known; nothing has been evaluated yet.
  case opened(ModelSummary)
  case openFailed(String)
  /// The machine's speed is known, so that latency can be estimated.
  case latency(LatencyEstimate, revision: PlanRevision)
  /// A better figure for the plan of `revision` than any before.
  case quality(QualityEstimate, revision: PlanRevision)
  /// Sensitivities that became known since the last event.
  case sensitivities([SiteSensitivity])
  case progress(JobProgress)
  /// What was asked for; again once the spectrum is known.
  case inspected(SiteInspection)
  case inspectionFailed(site: Int, treatment: Treatment, reason: String)
  /// The singular values of the site with this index as the file has it.
  case spectrum(site: Int, WeightSpectrum)
  case spectrumFailed(site: Int, reason: String)
  /// How far the search with this job's number is.
  case searched(job: Int, SearchSnapshot)
  /// Plans measured on the text in use, the newest first.
  case measuredPlans([MeasuredPlan])
  case jobEnded(job: Int, JobOutcome)
  /// What the engine is doing, for the header; `nil` when it is idle.
  case activity(String?)
  /// What is being done and what waits, most wanted first; nothing when the engine is idle.
  case queue([QueuedWork])
  /// A line for the log.
  case log(String)
}

/// Answers within a frame what a plan would cost.
///
/// The workbench's loop calls it between an edit and the frame that shows it, so it must return
/// within a few milliseconds whatever the engine is doing.
public protocol InstantPredictor: Sendable {
  /// Quality and latency of `plan`, from what is known now; `nil` where nothing is.
  func predict(_ plan: Plan) -> (quality: QualityEstimate?, latency: LatencyEstimate?)

  /// Mean KL with only `site` treated, in nats, and whether that very treatment was measured; `nil`
  /// where nothing is known of any site.
  func loss(of site: Site, under treatment: Treatment) -> (klMean: Double, isMeasured: Bool)?
}
