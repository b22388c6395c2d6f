import Glibc
import Testing

/// The same in a terminal multiplexer, waiting on the loop's idle signal.
@Suite(.serialized)
struct TmuxTests {
  private static let isInstalled = access("/usr/bin/tmux", X_OK) == 0

  private func run(_ command: String) -> String {
    guard let pipe = popen(command, "r") else { return "" }
    defer { pclose(pipe) }
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&block, 1, block.count, pipe), count > 0 {
      text += block[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }

  @Test(
    .enabled(if: isInstalled, "tmux is not installed"),
    arguments: [(80, 24), (160, 48)])
  func editIsOnTheScreenWhenTheLoopIsIdle(columns: Int, rows: Int) throws {
    let state = PtySession.makeStateFolder()
    let fifo = "\(state)/idle"
    try #require(mkfifo(fifo, 0o600) == 0)
    // Both ends, so that opening waits for nobody.
    let idle = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    try #require(idle >= 0)
    defer { close(idle) }
    let tmux = "tmux -L vise-test-\(getpid())-\(columns) -f /dev/null"
    let program =
      "exec env LANG=C.UTF-8 XDG_STATE_HOME=\(state) VISE_IDLE_FD=9 \(PtySession.program) 9>\(fifo)"
    _ = run("\(tmux) -u new-session -d -x \(columns) -y \(rows) '\(program)' 2>&1")
    defer { _ = run("\(tmux) kill-server 2>&1") }
    func screen() -> String { run("\(tmux) capture-pane -p 2>&1") }
    func wait(for words: String) -> String {
      var shown = screen()
      while !shown.contains(words) {
        var descriptor = pollfd(fd: idle, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, PtySession.deadlineSeconds * 1000) > 0 else { return shown }
        var bytes = [UInt8](repeating: 0, count: 256)
        _ = read(idle, &bytes, bytes.count)
        shown = screen()
      }
      return shown
    }
    #expect(wait(for: "Fixture-135M").contains("○ idle"))
    _ = run("\(tmux) send-keys j 3")
    let edited = wait(for: "1 treated")
    #expect(edited.contains("•iq4_NL≠"))
    #expect(edited.contains("needs rows divisible by 256"))
    _ = run("\(tmux) send-keys u")
    #expect(wait(for: "undid 3 bits").contains("•") == false)
  }
}
