import CTerminal
import ViseCompression
import ViseEstimates
import ViseTerminal
import ViseWorkbench

extension WorkbenchLoop {
  /// Does what the workbench asks for.
  ///
  /// Nothing here waits.
  mutating func run(_ effect: WorkbenchEffect) {
    switch effect {
    case .predict(let revision): predict(revision)
    case .predictCompared(let plan): predictCompared(plan)
    case .findPlan(let source): find(source)
    case .openModel(let path): open(path)
    case .listModels(let folder):
      answers.work { [reader] in .modelsListed(reader.listing(of: folder)) }
    case .send(let request): send(request)
    case .fit(let base, let limits):
      if let connection { perform(.planFitted(connection.fit(base: base, limits: limits))) }
    case .record(let entry): record(entry)
    case .lookForJournal(let fingerprint, let path): lookForJournal(fingerprint, path)
    case .continueJournal:
      journal.resume()
      reportJournal()
    case .replaceJournal(let fingerprint, let path):
      journal.begin(fingerprint: fingerprint, modelPath: System.absolute(path))
      reportJournal()
    case .discardJournal: journal.discard()
    case .checkExportPath(let path): checkExportPath(path)
    case .savePlan(let plan, let path, let overwrite):
      save(plan, to: path, overwrite: overwrite)
    case .saveScreen(let path, let overwrite): saveScreen(to: path, overwrite: overwrite)
    case .copy(let text): perform(.noticed(Clipboard.send(text, stateFolder: stateFolder)))
    case .setMouse(let isOn): ct_set_mouse(isOn)
    case .redraw: presenter.invalidate()
    case .showTheme(let name): show(theme: name)
    case .suspend: suspend()
    case .quit(let code): exitCode = code
    }
  }

  private mutating func show(theme name: String) {
    do throws(ThemeError) {
      presenter.use(try ThemeSource.theme(name), level: setup.level)
    } catch {
      perform(.noticed(ThemeSource.sentence(for: error, theme: name)))
    }
  }

  private mutating func predict(_ revision: PlanRevision) {
    guard let prediction = Prediction(of: state, by: connection?.predictor) else { return }
    perform(.predictionMade(prediction, revision: revision))
  }

  private mutating func predictCompared(_ plan: Plan) {
    guard let predictor = connection?.predictor else { return }
    let (quality, latency) = predictor.predict(plan)
    perform(.comparedPredicted(Prediction(quality: quality, latency: latency), plan: plan))
  }

  /// Reading a plan file may wait for a disk, so it is done beside the loop.
  private func find(_ source: PlanSource) {
    guard let connection else { return }
    let readable: PlanSource =
      if case .file(let path) = source { .file(System.expanded(path)) } else { source }
    answers.work { .planFound(source, connection.plan(for: readable)) }
  }

  /// Writing may wait for a disk, so it is done beside the loop.
  private mutating func save(_ plan: Plan, to path: String, overwrite: Bool) {
    guard let text = connection?.text(of: plan) else { return }
    write(text, to: path, overwrite: overwrite, done: "plan written to \(path)")
  }

  /// Saves what is on the screen once the palette has gone, in the theme it is shown in.
  private func saveScreen(to path: String, overwrite: Bool) {
    let buffer = currentFrame().buffer
    let theme = (try? ThemeSource.theme(state.theme)) ?? setup.theme
    let picture =
      if path.hasSuffix(".svg") {
        ScreenPicture.svg(buffer, theme: theme)
      } else if path.hasSuffix(".ans") {
        ScreenPicture.ansi(buffer, theme: theme, level: setup.level)
      } else {
        ScreenPicture.text(buffer)
      }
    write(picture, to: path, overwrite: overwrite, done: "screen saved to \(path)")
  }

  private func write(_ text: String, to path: String, overwrite: Bool, done: String) {
    let expanded = System.expanded(path)
    answers.work {
      let problem = System.writeFile(text, to: expanded, overwrite: overwrite)
      return .noticed(problem.map { "nothing was written: \($0)" } ?? done)
    }
  }

  private func send(_ request: EngineRequest) {
    guard case .export(let plan, let path, let overwrite, let job) = request else {
      connection?.send(request)
      return
    }
    connection?.send(
      .export(plan: plan, path: System.expanded(path), overwrite: overwrite, job: job))
  }

  private mutating func record(_ entry: JournalEntry) {
    let problem = journal.problem
    journal.record(entry)
    if journal.problem != problem { reportJournal() }
  }

  private mutating func lookForJournal(_ fingerprint: String, _ path: String) {
    journal.open(fingerprint: fingerprint)
    if let found = journal.found, let summary = state.summary {
      let document = found.document(for: summary.sites)
      if document.canUndo || document.canRedo {
        perform(.journalFound(ResumeOffer(journal: found, writtenAt: journal.writtenAt)))
        return
      }
    }
    journal.begin(fingerprint: fingerprint, modelPath: System.absolute(path))
    reportJournal()
  }

  private mutating func reportJournal() {
    perform(.journalOpened(path: journal.path, problem: journal.problem))
  }

  private mutating func checkExportPath(_ path: String) {
    let found = ExportPath(
      System.expanded(path), modelPath: state.summary?.path ?? state.modelPath,
      byteCount: state.plannedByteCount ?? 0)
    perform(.exportPathChecked(path: path, exists: found.exists, problem: found.problem))
  }
}
