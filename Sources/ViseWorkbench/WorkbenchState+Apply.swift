import ViseCompression
import ViseEstimates

extension WorkbenchState {
  /// Applies `action` and returns the work it calls for, in order.
  public mutating func apply(_ action: WorkbenchAction) -> [WorkbenchEffect] {
    let attention = list.attention
    var effects = respond(to: action)
    effects += updateInspection()
    let isEvaluated = effects.contains { if case .send(.evaluate) = $0 { true } else { false } }
    if summary != nil, !isEvaluated, list.attention != attention {
      effects.append(.send(.attend(list.attention)))
    }
    return effects
  }

  private mutating func respond(to action: WorkbenchAction) -> [WorkbenchEffect] {
    switch action {
    case .keyPressed(let key, let seconds): return press(key, seconds: seconds)
    case .textPasted(let text): return paste(text)
    case .commandClicked(let command):
      prefix = nil
      return perform(command, seconds: 0)
    case .rowClicked(let row, let isDouble): return click(row: row, isDouble: isDouble)
    case .itemClicked(let item, let isDouble): return click(item: item, isDouble: isDouble)
    case .wheelTurned(let rows): return turnWheel(rows)
    case .screenResized(let listRows, let overlayRows, let helpColumns):
      list.rowCount = max(listRows, 1)
      list.scrollToCursor()
      reading = Reading(rowCount: max(overlayRows, 1), helpColumns: max(helpColumns, 1))
      return []
    case .engineReported(let event): return receive(event)
    case .predictionMade(let prediction, let revision):
      receive(prediction, revision: revision)
      return []
    case .planFitted(let outcome): return receive(outcome)
    case .journalFound(let offer):
      overlay = .resume(offer)
      return []
    case .journalOpened(let path, let problem):
      journalPath = path
      if let problem { message = .refusal("edits are not saved: \(problem)") }
      return []
    case .exportPathChecked(let path, let exists, let problem):
      return exportPathChecked(path, exists: exists, problem: problem)
    case .modelsListed(let listing):
      receive(listing)
      return []
    case .planFound(let source, let answer): return receive(answer, for: source)
    case .comparedPredicted(let prediction, let plan):
      receive(prediction, ofCompared: plan)
      return []
    case .presetsFound(let names):
      presetNames = names
      return []
    case .themesFound(let names, let current):
      themeNames = names
      theme = current
      return []
    case .noticed(let text):
      message = .note(text)
      return []
    }
  }

  private mutating func paste(_ text: String) -> [WorkbenchEffect] {
    if list.filterField != nil, overlay == nil {
      list.filterField?.paste(text)
      refreshList()
    } else if case .export(var dialog)? = overlay, dialog.pathState != .exists {
      dialog.path.paste(text)
      dialog.pathState = .unchecked
      overlay = .export(dialog)
    } else if case .prompt(var prompt)? = overlay {
      prompt.field.paste(text)
      prompt.problem = nil
      overlay = .prompt(prompt)
    } else if case .palette(var palette)? = overlay {
      palette.field.paste(text)
      palette.cursor = 0
      overlay = .palette(palette)
    }
    return []
  }
}

extension WorkbenchState {
  private mutating func receive(_ event: EngineEvent) -> [WorkbenchEffect] {
    switch event {
    case .opened(let summary): return open(summary)
    case .openFailed(let reason):
      opening = .failed(reason)
      appendToLog("open failed: \(reason)")
    case .latency(let latency, let revision):
      if revision == self.revision { figures.offer(latency, revision: revision) }
    case .quality(let quality, let revision):
      if revision == self.revision, figures.offer(quality, revision: revision) {
        rememberFigures()
      }
    case .sensitivities(let found): return add(found)
    case .progress(let progress): follow(progress)
    case .jobEnded(let job, let outcome): return end(job, outcome)
    case .inspected(let result): receive(result)
    case .spectrum(let site, let spectrum): return receive(spectrum, site: site)
    case .spectrumFailed(let site, let reason): spectrumFailed(site: site, reason: reason)
    case .inspectionFailed(let site, let treatment, let reason):
      inspectionFailed(site: site, treatment: treatment, reason: reason)
    case .searched(let job, let snapshot): receive(snapshot, job: job)
    case .measuredPlans(let plans):
      if let summary { frontier.show(plans, sizes: summary.sizeModel) }
    case .activity(let activity): self.activity = activity
    case .queue(let queue): self.queue = queue
    case .log(let line): appendToLog(line)
    }
    return []
  }

  private mutating func open(_ summary: ModelSummary) -> [WorkbenchEffect] {
    guard self.summary == nil else { return [] }
    self.summary = summary
    opening = .done
    refreshList()
    if let reason = summary.evaluationUnavailable {
      message = .refusal("quality cannot be evaluated: \(reason)")
    }
    return [
      .lookForJournal(fingerprint: summary.fingerprint, path: summary.path),
      .predict(revision: revision), evaluation(),
    ]
  }

  private mutating func add(_ found: [SiteSensitivity]) -> [WorkbenchEffect] {
    for sensitivity in found where sites.indices.contains(sensitivity.siteIndex) {
      sensitivities[sensitivity.siteIndex, default: [:]][sensitivity.treatment] = sensitivity.klMean
    }
    let filter = LayerFilter(list.filterField?.text ?? list.filter)
    if list.order == .sensitivity || filter.comparesLosses { refreshList() }
    refreshFormats()
    refreshComparison()
    refreshHeat()
    let compared = page == .compare ? comparison?.plan.map(WorkbenchEffect.predictCompared) : nil
    return [.predict(revision: revision)] + (compared.map { [$0] } ?? [])
  }

  /// Takes the predictor's answer, and with it the difference the last edit made as known now.
  private mutating func receive(_ prediction: Prediction, revision: PlanRevision) {
    guard revision == self.revision else { return }
    if let quality = prediction.quality {
      if case .edit(var report)? = message {
        report.klBefore = prediction.qualityBefore?.klMean
        report.klAfter = quality.klMean
        message = .edit(report)
      }
      if figures.offer(quality, revision: revision) { rememberFigures() }
    }
    if let latency = prediction.latency {
      figures.offer(latency, revision: revision)
    }
    if document.plan.isEmpty, let latency = figures.latency, !isLatencyStale {
      figures.referenceLatency = latency
    }
  }

  private mutating func follow(_ progress: JobProgress) {
    if let index = jobs.firstIndex(where: { $0.id == progress.job }) {
      jobs[index].progress = progress
    } else {
      jobs.append(Job(id: progress.job, progress: progress, exportPath: nil))
    }
  }

  private mutating func end(_ id: Int, _ outcome: JobOutcome) -> [WorkbenchEffect] {
    let job = jobs.first { $0.id == id }
    jobs.removeAll { $0.id == id }
    let plan = exportingPlans.removeValue(forKey: id)
    if endSearch(id, outcome) { return isFrontierOpen ? [.send(.findMeasuredPlans)] : [] }
    switch outcome {
    case .finished(let text):
      appendToLog(text)
      guard let path = job?.exportPath, let plan else { return [] }
      message = .note(text)
      exportedPlan = plan
      return plan == document.plan ? [.record(.exported(path: path))] : []
    case .failed(let reason):
      appendToLog("failed: \(reason)")
      message = .refusal(reason)
    case .cancelled:
      if job?.exportPath != nil { message = .note("export cancelled, nothing was written") }
    }
    return []
  }

  mutating func appendToLog(_ line: String) {
    log.append(line)
    if log.count > Self.logCapacity { log.removeFirst(log.count - Self.logCapacity) }
  }
}
