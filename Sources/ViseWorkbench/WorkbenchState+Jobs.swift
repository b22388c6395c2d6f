import ViseEstimates

extension WorkbenchState {
  mutating func openJobs() {
    jobCursor = 0
    open(.jobs)
  }

  /// The job under the cursor.
  public var selectedJob: Job? {
    jobs.isEmpty ? nil : jobs[min(max(jobCursor, 0), jobs.count - 1)]
  }

  mutating func performInJobs(_ command: Command) -> [WorkbenchEffect] {
    let last = max(jobs.count - 1, 0)
    switch command {
    case .back: closePage()
    case .moveUp: jobCursor = max(min(jobCursor, last) - 1, 0)
    case .moveDown: jobCursor = min(jobCursor + 1, last)
    case .moveToTop: jobCursor = 0
    case .moveToBottom: jobCursor = last
    case .cancelJob:
      guard let job = selectedJob else { return refuse("no job runs") }
      message = .note("cancelling \(title(of: job))")
      return [.send(.cancel(job: job.id))]
    case .togglePause, .openLog, .openHelp, .openSearch: return performOnBench(command)
    default: break
    }
    return []
  }

  /// What a job does, in a few words.
  public func title(of job: Job) -> String {
    if let path = job.exportPath { return "export to \(path)" }
    if let search, search.job == job.id { return "search within \(search.wish.limits.label)" }
    return job.progress?.activity ?? "job \(job.id)"
  }
}
