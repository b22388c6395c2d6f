import Glibc
import Synchronization
import Testing

/// The fixture program in a tmux server of its own.
final class TmuxSession {
  static let isInstalled = access("/usr/bin/tmux", X_OK) == 0
  private static let serial = Atomic(0)

  /// Bytes arrive there whenever the loop has shown everything.
  private let idle: Int32
  private let tmux: String

  /// - Parameter stays: whether the window outlives the program, so that what it left can be read.
  init(
    _ arguments: [String] = [], state: String, columns: Int = 80, rows: Int = 24,
    stays: Bool = false
  ) throws {
    let fifo = "\(state)/idle"
    unlink(fifo)
    try #require(mkfifo(fifo, 0o600) == 0)
    // Both ends, so that opening waits for nobody.
    idle = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    try #require(idle >= 0)
    let number = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
    tmux = "tmux -L vise-test-\(getpid())-\(number) -f /dev/null"
    let words = [PtySession.program] + arguments
    let environment =
      "TERM=tmux-256color LANG=C.UTF-8 SWIFT_BACKTRACE=enable=no XDG_STATE_HOME=\(state)"
    let program =
      "\(stays ? "" : "exec ")env \(environment) VISE_IDLE_FD=9 \(words.joined(separator: " ")) 9>\(fifo)"
    let command = stays ? "\(program); sleep 600" : program
    run("-u new-session -d -x \(columns) -y \(rows) '\(command)' 2>&1")
  }

  deinit {
    end()
    close(idle)
  }

  func send(_ keys: String) { run("send-keys \(keys) 2>&1") }

  func resize(columns: Int, rows: Int) { run("resize-window -x \(columns) -y \(rows) 2>&1") }

  /// Ends the server, and with it the window.
  func end() { run("kill-server 2>&1") }

  /// The process in the window.
  var program: pid_t? {
    pid_t(run("display-message -p '#{pane_pid}' 2>&1").filter(\.isNumber))
  }

  func killProgram() {
    guard let program else { return }
    kill(program, SIGKILL)
    _ = waitForEnd(of: program)
  }

  func waitForEnd(of process: pid_t) -> Bool {
    for _ in 0..<PtySession.deadlineSeconds * 20 {
      if kill(process, 0) != 0 { return true }
      poll(nil, 0, 50)
    }
    return false
  }

  /// Waits until the screen shows `words` and returns it; what there is where it never does.
  ///
  /// A program that has ended says nothing more, so the screen is looked at now and then anyhow.
  func wait(for words: String) -> String { wait { $0.contains(words) } }

  /// Waits until the screen satisfies `condition`.
  func wait(_ condition: (String) -> Bool) -> String {
    var shown = screen
    for _ in 0..<PtySession.deadlineSeconds where !condition(shown) {
      var descriptor = pollfd(fd: idle, events: Int16(POLLIN), revents: 0)
      if poll(&descriptor, 1, 1000) > 0 {
        var bytes = [UInt8](repeating: 0, count: 256)
        _ = read(idle, &bytes, bytes.count)
      }
      shown = screen
    }
    return shown
  }

  private var screen: String { run("capture-pane -p 2>&1") }

  @discardableResult
  private func run(_ command: String) -> String {
    guard let pipe = popen("\(tmux) \(command)", "r") else { return "" }
    defer { pclose(pipe) }
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&block, 1, block.count, pipe), count > 0 {
      text += block[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }
}
