import CTerminal
import Glibc
import ViseEstimates
import ViseTerminal
import ViseWorkbench

/// The one thread that reads keys, applies what happened and draws.
///
/// It sleeps in `poll` for ever when nothing moves: no ticker, no wake-ups.
struct WorkbenchLoop {
  /// Widest screen drawn.
  private static let columnLimit = 1000

  let terminal: Int32
  let setup: TerminalSetup
  let stateFolder: String
  let reader: FolderReader
  let connect: (_ modelPath: String, EngineMailbox) -> any EngineConnection
  let mailbox = EngineMailbox(wake: { ct_wake() })
  var state: WorkbenchState
  var connection: (any EngineConnection)?
  var journal: JournalFile
  var presenter: CursesPresenter
  var exitCode: Int32?
  /// Set by what the user did: the next frame is drawn at once.
  var isUrgent = true

  /// What work beside the loop came to.
  let answers = AnswerBox(wake: { ct_wake() })

  private var decoder = InputDecoder()
  private var size = ScreenSize(columns: 80, rows: 24)
  private var frame: Frame?
  private var isStale = false
  private var isFocused = true
  private var nextLiveFrame = 0.0
  private var escapeDeadline: Double?
  private var lastClick: (target: HitTarget, seconds: Double)?
  private var lastFrameSeconds = 0.0

  init(
    modelPath: String?, terminal: Int32, setup: TerminalSetup, reader: FolderReader,
    connect: @escaping (_ modelPath: String, EngineMailbox) -> any EngineConnection
  ) {
    self.terminal = terminal
    self.setup = setup
    self.reader = reader
    self.connect = connect
    stateFolder = reader.stateFolder
    state =
      modelPath.map { WorkbenchState(modelPath: $0, isMouseEnabled: setup.isMouseEnabled) }
      ?? WorkbenchState(
        choosingIn: System.currentFolder, isMouseEnabled: setup.isMouseEnabled)
    journal = JournalFile(folder: stateFolder)
    presenter = CursesPresenter(theme: setup.theme, level: setup.level)
    _ = ct_wakeup_fd()
    ct_set_mouse(setup.isMouseEnabled)
  }

  /// Draws, connects, and goes on until something ends it.
  mutating func run() -> Int32 {
    takeSize()
    if let notice = setup.notice { perform(.noticed(notice)) }
    draw()
    ask()
    perform(.themesFound(ThemeSource.names(), current: setup.themeName))
    if let picker = state.picker {
      run(.listModels(folder: picker.folder))
    } else {
      open(state.modelPath)
    }
    while exitCode == nil {
      waitForSomething()
      if exitCode == nil { drawIfDue() }
    }
    connection?.shutDown()
    return exitCode ?? 0
  }

  /// Hands the model to an engine, in place of one that could not open what was chosen before.
  mutating func open(_ path: String) {
    connection?.shutDown()
    let connection = connect(System.expanded(path), mailbox)
    self.connection = connection
    perform(.presetsFound(connection.presetNames))
  }

  /// Asks whether the terminal takes whole frames as one update; the answer comes as input.
  private func ask() {
    let question = "\u{1B}[?2026$p"
    ct_write(question, Int32(question.utf8.count))
  }

  /// Applies `action` and does what it calls for, before anything is drawn.
  mutating func perform(_ action: WorkbenchAction) {
    for effect in state.apply(action) { run(effect) }
  }
}

// Waiting and reading.
extension WorkbenchLoop {
  private mutating func waitForSomething() {
    let now = System.seconds()
    // Figures that arrive before the next live frame wait in the mailbox: no wake-up for them.
    let holdsFigures = isStale && now < nextLiveFrame
    let deadline = [escapeDeadline, isStale ? nextLiveFrame : nil].compactMap { $0 }.min()
    if deadline == nil, mailbox.isEmpty, answers.isIdle { reportIdle() }
    var descriptors = [
      pollfd(fd: terminal, events: Int16(POLLIN), revents: 0),
      pollfd(fd: ct_signal_fd(), events: Int16(POLLIN), revents: 0),
      pollfd(fd: holdsFigures ? -1 : ct_wakeup_fd(), events: Int16(POLLIN), revents: 0),
    ]
    let timeout = deadline.map { Int32((max($0 - now, 0) * 1000).rounded(.up)) } ?? -1
    let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
    if count < 0, errno != EINTR { exitCode = ExitCode.hungUp }
    // Keys first: they were meant for the screen as it was before a resize.
    if descriptors[0].revents != 0 { readTerminal() }
    if descriptors[1].revents != 0 { readSignals() }
    if let escapeDeadline, System.seconds() >= escapeDeadline {
      self.escapeDeadline = nil
      take(decoder.timeOut())
    }
    if descriptors[2].revents != 0 || (holdsFigures && System.seconds() >= nextLiveFrame) {
      ct_drain_wakeups()
      readMailbox()
    }
  }

  private mutating func readTerminal() {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(terminal, &bytes, bytes.count)
    if count > 0 {
      take(decoder.feed(bytes[..<count]))
      escapeDeadline = decoder.isWaiting ? System.seconds() + setup.escapeDelay : nil
    } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
      // The terminal is gone. Everything is on disk; going on would spin.
      exitCode = ExitCode.hungUp
    }
  }

  private mutating func readSignals() {
    while case let signal = ct_next_signal(), signal != 0 {
      switch signal {
      case SIGWINCH:
        takeSize()
        isUrgent = true
      case SIGTSTP: suspend()
      case SIGHUP: exitCode = ExitCode.hungUp
      case SIGINT: exitCode = ExitCode.interrupted
      case SIGTERM: exitCode = ExitCode.terminated
      default: break
      }
    }
  }

  private mutating func readMailbox() {
    for answer in answers.drain() {
      isUrgent = true
      perform(answer)
    }
    for event in mailbox.drain() {
      switch event {
      case .opened, .openFailed, .jobEnded: isUrgent = true
      default: isStale = true
      }
      perform(.engineReported(event))
    }
  }

  private mutating func take(_ events: [InputEvent]) {
    for event in events where exitCode == nil {
      isUrgent = true
      switch event {
      case .key(let key): press(key)
      case .paste(let text): perform(.textPasted(text))
      case .mouse(let mouse): take(mouse)
      case .focus(let isFocused): self.isFocused = isFocused
      case .modeReport(let mode, let value):
        if mode == 2026 { presenter.isSynchronized = value == 1 || value == 2 }
      case .statusReport: break
      }
    }
  }

  /// On a screen too small to show the bench, keys must not edit what nobody sees.
  private mutating func press(_ key: KeyPress) {
    let seconds = System.seconds()
    guard Layout(size: size).isTooSmall else {
      perform(.keyPressed(key, seconds: seconds))
      return
    }
    if key == KeyPress("q") || key == KeyPress("Q") {
      perform(.commandClicked(.quitNow))
    } else if key == .control("z") {
      perform(.commandClicked(.suspend))
    }
  }

  private mutating func take(_ mouse: MouseEvent) {
    switch mouse.kind {
    case .wheelUp: perform(.wheelTurned(rows: -3))
    case .wheelDown: perform(.wheelTurned(rows: 3))
    case .release: break
    case .press:
      guard let target = frame?.target(column: mouse.column, row: mouse.row) else { return }
      let now = System.seconds()
      let isDouble = lastClick.map { $0.target == target && now - $0.seconds < 0.4 } ?? false
      lastClick = (target, now)
      switch target {
      case .command(let command): perform(.commandClicked(command))
      case .listRow(let row): perform(.rowClicked(row, isDouble: isDouble))
      case .item(let item): perform(.itemClicked(item, isDouble: isDouble))
      }
    }
  }
}

// Drawing.
extension WorkbenchLoop {
  private mutating func drawIfDue() {
    if isUrgent {
      draw()
    } else if isStale, System.seconds() >= nextLiveFrame, isWritable {
      draw()
    }
  }

  /// Whether the line takes more; figures wait where it does not.
  private var isWritable: Bool {
    var descriptor = pollfd(fd: terminal, events: Int16(POLLOUT), revents: 0)
    return poll(&descriptor, 1, 0) != 0
  }

  private mutating func draw() {
    let start = System.seconds()
    let next = currentFrame()
    presenter.present(next)
    frame = next
    isUrgent = false
    isStale = false
    let end = System.seconds()
    lastFrameSeconds = end - start
    nextLiveFrame = end + (isFocused ? setup.liveInterval : max(setup.liveInterval, 1))
  }

  /// What the screen should show now.
  func currentFrame() -> Frame {
    WorkbenchView.frame(of: state, size: size, glyphs: setup.glyphs, statistics: statistics)
  }

  private var statistics: String? {
    guard setup.showsStatistics else { return nil }
    let microseconds = Int(lastFrameSeconds * 1e6)
    return "\(presenter.lastByteCount) B \(microseconds) us"
      + " · \(presenter.frameCount) frames \(presenter.byteCount) B"
  }

  private mutating func takeSize() {
    let window = ct_window_size()
    if window.rows > 0, window.columns > 0 {
      size = ScreenSize(
        columns: min(Int(window.columns), Self.columnLimit), rows: Int(window.rows))
    }
    ct_resize(Int32(size.rows), Int32(size.columns))
    presenter.invalidate()
    let layout = Layout(size: size)
    perform(
      .screenResized(
        listRows: layout.listRows, overlayRows: layout.overlayRows,
        helpColumns: layout.helpColumns))
  }

  /// Gives the terminal to the shell, stops, and takes it back when continued.
  mutating func suspend() {
    ct_suspend()
    ct_stop_self()
    ct_resume()
    takeSize()
    isUrgent = true
  }

  private func reportIdle() {
    guard let descriptor = setup.idleDescriptor else { return }
    System.write(".", to: descriptor)
  }
}
