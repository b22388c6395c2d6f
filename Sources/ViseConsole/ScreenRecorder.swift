import Glibc
import ViseEstimates
public import ViseTerminal
public import ViseWorkbench

/// Runs the workbench without a terminal: keys from a script, the same engine, and the last frame.
///
/// No journal is kept and exports are refused; what the engine measures it keeps as it always does.
public struct ScreenRecorder {
  /// Seconds without a word from an engine with nothing to do, after which it is taken to be idle.
  private static let quiet = 0.5

  private let size: ScreenSize
  private let glyphs: GlyphSet
  /// Seconds to wait at most each time.
  private let patience: Double
  private let mailbox: EngineMailbox
  private let wakeUps: WakeUps
  private var state: WorkbenchState
  private var connection: (any EngineConnection)?

  /// - Parameter patience: seconds the engine is waited for at most, each time it is.
  public init(modelPath: String, size: ScreenSize, glyphs: GlyphSet, patience: Double) {
    self.size = size
    self.glyphs = glyphs
    self.patience = patience
    let wakeUps = WakeUps()
    self.wakeUps = wakeUps
    mailbox = EngineMailbox(wake: { wakeUps.signal() })
    state = WorkbenchState(modelPath: modelPath)
  }

  /// Opens the model, presses the keys, waits until nothing is under way, and draws.
  ///
  /// - Returns: the frame, and why the model could not be opened where it could not.
  public mutating func record(
    _ script: KeyScript, connect: (EngineMailbox) -> any EngineConnection
  ) -> (frame: Frame, problem: String?) {
    let layout = Layout(size: size)
    perform(
      .screenResized(
        listRows: layout.listRows, overlayRows: layout.overlayRows,
        helpColumns: layout.helpColumns))
    let connection = connect(mailbox)
    self.connection = connection
    perform(.presetsFound(connection.presetNames))
    defer { connection.shutDown() }
    wait { $0.opening != .underWay }
    for step in script.steps {
      switch step {
      case .press(let key): perform(.keyPressed(key, seconds: System.seconds()))
      case .wait: settle()
      }
    }
    settle()
    var problem: String?
    if case .failed(let reason) = state.opening { problem = reason }
    return (WorkbenchView.frame(of: state, size: size, glyphs: glyphs), problem)
  }

  /// Waits until the engine has nothing to do and has been quiet.
  private mutating func settle() {
    let end = System.seconds() + patience
    var quietSince = System.seconds()
    while System.seconds() < end {
      wakeUps.wait(seconds: min(Self.quiet, end - System.seconds()))
      let events = mailbox.drain()
      for event in events { perform(.engineReported(event)) }
      if !events.isEmpty || !state.isIdle { quietSince = System.seconds() }
      if System.seconds() - quietSince >= Self.quiet { return }
    }
  }

  private mutating func wait(until isDone: (WorkbenchState) -> Bool) {
    let end = System.seconds() + patience
    while !isDone(state), System.seconds() < end {
      wakeUps.wait(seconds: end - System.seconds())
      for event in mailbox.drain() { perform(.engineReported(event)) }
    }
  }

  private mutating func perform(_ action: WorkbenchAction) {
    for effect in state.apply(action) { run(effect) }
  }

  private mutating func run(_ effect: WorkbenchEffect) {
    switch effect {
    case .predict(let revision):
      guard let prediction = Prediction(of: state, by: connection?.predictor) else { return }
      perform(.predictionMade(prediction, revision: revision))
    case .findPlan(let source):
      if let connection { perform(.planFound(source, connection.plan(for: source))) }
    case .predictCompared(let plan):
      guard let (quality, latency) = connection?.predictor?.predict(plan) else { return }
      perform(.comparedPredicted(Prediction(quality: quality, latency: latency), plan: plan))
    case .send(.export), .savePlan, .saveScreen: perform(.noticed("a recording writes no files"))
    case .send(let request): connection?.send(request)
    case .fit(let base, let limits):
      if let connection { perform(.planFitted(connection.fit(base: base, limits: limits))) }
    case .lookForJournal: perform(.journalOpened(path: nil, problem: nil))
    case .checkExportPath(let path):
      perform(.exportPathChecked(path: path, exists: false, problem: nil))
    case .record, .continueJournal, .replaceJournal, .discardJournal, .copy, .setMouse, .redraw,
      .suspend, .quit, .showTheme, .listModels, .openModel:
      return
    }
  }
}

/// A pipe that is written to from any thread and waited at by one.
private final class WakeUps: Sendable {
  private let reading: Int32
  private let writing: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  func signal() { System.write(".", to: writing) }

  /// Waits for a signal, and takes all there are.
  func wait(seconds: Double) {
    var descriptor = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, Int32(max(seconds, 0) * 1000) + 1) > 0 else { return }
    var bytes = [UInt8](repeating: 0, count: 256)
    while read(reading, &bytes, bytes.count) == bytes.count {}
  }
}
