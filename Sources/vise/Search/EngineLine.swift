import Synchronization
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseModels
import ViseSearch
import ViseWorkbench

/// The workbench's line to the engine, and to what answers within a frame.
final class EngineLine: EngineConnection {
  /// What was opened, as soon as it is.
  private final class Opened: Sendable {
    let summary = Mutex<ModelSummary?>(nil)
  }

  private let engine: Engine
  private let opened: Opened

  init(path: String, options: Engine.Options, mailbox: EngineMailbox) {
    let opened = Opened()
    self.opened = opened
    engine = Engine(path: path, options: options) { event in
      if case .opened(let summary) = event { opened.summary.withLock { $0 = summary } }
      mailbox.post(event)
    }
  }

  func send(_ request: EngineRequest) { engine.send(request) }

  var predictor: (any InstantPredictor)? { engine.predictor }

  func fit(base: Plan, limits: PlanLimits) -> FitOutcome {
    guard let summary = opened.summary.withLock({ $0 }) else {
      return .refused("no model is open")
    }
    let predictor = engine.predictor
    let fit = QuickFit(
      sites: summary.sites, sizes: summary.sizeModel,
      decodeSeconds: { predictor?.predict($0).latency?.decodeSecondsPerToken.value },
      loss: { predictor?.loss(of: $0, under: $1) })
    do throws(SearchSpaceError) {
      let (plan, guessed, total) = try fit.fit(base: base, limits: limits)
      return .fitted(plan, guessed: guessed, total: total)
    } catch {
      return .refused(ErrorText.searchSpace(error))
    }
  }

  var presetNames: [String] { StockPreset.allCases.map(\.rawValue) }

  func plan(for source: PlanSource) -> PlanAnswer {
    guard let summary = opened.summary.withLock({ $0 }) else { return .refused("no model is open") }
    switch source {
    case .loaded: return .found(Plan())
    case .opening, .parked: return .refused("only the session knows \(source.title)")
    case .state(_, let plan): return .found(plan)
    case .measured(let measured): return .found(measured.plan)
    case .preset(let name):
      guard let preset = StockPreset(name: name) else { return .refused("\(name) is no preset") }
      return .found(preset.plan(for: summary.sites))
    case .file(let path):
      do {
        return .found(
          try PlanFile(text: try PlanLoader.text(path), sites: summary.sites).plan)
      } catch {
        return .refused(ErrorText.printable(ErrorText.describe(error)))
      }
    }
  }

  func text(of plan: Plan) -> String? {
    opened.summary.withLock { $0 }.map { PlanFile.text(of: plan, sites: $0.sites) }
  }

  func shutDown() { engine.shutDown() }
}
