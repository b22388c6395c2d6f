import CTerminal
import Glibc
import Testing

/// The fixture program on a terminal of its own, driven as a person would.
///
/// Waiting is for what the screen shows, with a deadline that only a hang reaches.
final class PtySession {
  static let deadlineSeconds: Int32 = 60

  // TIOCSPTLCK, TIOCGPTN and POSIX_SPAWN_SETSID, which the module map leaves out.
  private static let lockRequest: UInt = 0x4004_5431
  private static let numberRequest: UInt = 0x8004_5430
  private static let newSession: Int16 = 0x80

  let process: pid_t
  /// Ends when the process does: only it holds the other end.
  private let life: Int32
  /// A byte arrives there whenever the loop has shown all that happened.
  let idle: Int32
  let terminal: Int32
  /// The other end, kept open so that its modes can be read after the program has left.
  private let line: Int32
  private(set) var screen: ScreenEmulator
  private(set) var output: [UInt8] = []
  private var status: Int32?
  private var isHungUp = false
  /// The terminal's modes before the program started.
  let initialModes: [UInt32]

  /// Where the program's state goes; each session of a test may share one.
  static func makeStateFolder() -> String {
    var template = Array("/tmp/vise-state-XXXXXX".utf8CString)
    mkdtemp(&template)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The fixture, which is built beside the tests.
  static var program: String { "\(folder)/WorkbenchFixture" }

  /// Vise itself, which is built there too.
  static var product: String { "\(folder)/vise" }

  private static var folder: String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = max(readlink("/proc/self/exe", &buffer, buffer.count - 1), 0)
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  init(
    _ arguments: [String] = [], program: String = PtySession.program, state: String,
    columns: Int = 80, rows: Int = 24, environment: [String: String?] = [:]
  ) throws {
    let opened = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(opened >= 0)
    var (unlocked, number): (Int32, UInt32) = (0, 0)
    _ = ioctl(opened, Self.lockRequest, &unlocked)
    _ = ioctl(opened, Self.numberRequest, &number)
    let name = "/dev/pts/\(number)"
    terminal = opened
    line = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
    initialModes = Self.modes(of: line)
    screen = ScreenEmulator(columns: columns, rows: rows)
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
    var variables: [String: String?] = [
      "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": state,
      "XDG_STATE_HOME": state, "SWIFT_BACKTRACE": "enable=no", "VISE_IDLE_FD": "31",
    ]
    for (key, value) in environment { variables[key] = value }
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    life = ends[0]
    var signals: [Int32] = [0, 0]
    pipe(&signals)
    for end in signals {
      // A test that does not read the signal must not hold up the loop.
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    idle = signals[0]
    // Above the numbers the program finds these descriptors under.
    let signal = fcntl(signals[1], F_DUPFD_CLOEXEC, 64)
    close(signals[1])
    defer {
      close(ends[1])
      close(signal)
    }
    process = try Self.spawn(
      [program] + arguments, variables, terminal: name, life: ends[1], idle: signal)
  }

  private static func spawn(
    _ arguments: [String], _ variables: [String: String?], terminal: String, life: Int32,
    idle: Int32
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // The first terminal a new session opens becomes its controlling one.
    posix_spawnattr_setflags(&attributes, newSession)
    posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    posix_spawn_file_actions_adddup2(&actions, life, 30)
    posix_spawn_file_actions_adddup2(&actions, idle, 31)
    let words = arguments.map { strdup($0) } + [nil]
    let settings =
      variables.compactMap { key, value in value.map { strdup("\(key)=\($0)") } } + [nil]
    defer { for text in words + settings { free(text) } }
    var identifier: pid_t = 0
    let result = posix_spawn(&identifier, arguments[0], &actions, &attributes, words, settings)
    try #require(result == 0, "\(arguments[0]): \(String(cString: strerror(result)))")
    return identifier
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      var ignored: Int32 = 0
      waitpid(process, &ignored, 0)
    }
    close(life)
    close(idle)
    if !isHungUp { hangUp() }
  }

  /// The screen's rows as one text.
  var text: String {
    (0..<screen.rows).map { screen.text(ofRow: $0) }.joined(separator: "\n")
  }

  func send(_ keys: String) {
    let bytes = Array(keys.utf8)
    _ = write(terminal, bytes, bytes.count)
  }

  func send(signal: Int32) { kill(process, signal) }

  /// The terminal's modes as the shell would find them.
  var modes: [UInt32] { Self.modes(of: line) }

  private static func modes(of line: Int32) -> [UInt32] {
    var found = termios()
    tcgetattr(line, &found)
    return [found.c_iflag, found.c_oflag, found.c_cflag, found.c_lflag]
  }

  /// Reads what is written until the screen satisfies `condition`; `false` where it never does.
  func wait(_ condition: (PtySession) -> Bool) -> Bool {
    while !condition(self) {
      guard readOnce() else { return condition(self) }
    }
    return true
  }

  /// Waits until the screen shows `words`.
  func wait(for words: String) -> Bool { wait { $0.text.contains(words) } }

  /// Reads what is written within so many milliseconds, and keeps only what the screen shows of it.
  func watch(milliseconds: Int32) {
    if readOnce(milliseconds: milliseconds) { while readOnce(milliseconds: 0) {} }
    output.removeAll(keepingCapacity: true)
  }

  func readOnce(milliseconds: Int32 = deadlineSeconds * 1000) -> Bool {
    var descriptor = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, milliseconds) > 0 else { return false }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(terminal, &bytes, bytes.count)
    guard count > 0 else { return false }
    output += bytes[..<count]
    screen.play(Array(bytes[..<count]))
    return true
  }

  func resize(columns: Int, rows: Int) {
    screen = ScreenEmulator(columns: columns, rows: rows)
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
  }

  /// Closes the line, as a dropped connection does.
  func hangUp() {
    isHungUp = true
    close(line)
    close(terminal)
  }

  /// Waits for the program's end and returns its exit code, or minus the signal that ended it.
  ///
  /// - Parameter reads: whether what it still writes is read; not after a hang-up.
  func exitCode(reads: Bool = true) -> Int32 {
    var found: Int32 = 0
    if reads { readUntilEnd(&found) } else { waitpid(process, &found, 0) }
    status = found
    let signal = found & 0x7F
    return signal == 0 ? (found >> 8) & 0xFF : -signal
  }

  /// The line stays open on our side, so only the process's own end tells that it is over.
  private func readUntilEnd(_ found: inout Int32) {
    while true {
      var descriptors = [
        pollfd(fd: terminal, events: Int16(POLLIN), revents: 0),
        pollfd(fd: life, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&descriptors, 2, Self.deadlineSeconds * 1000) > 0 else { break }
      if descriptors[0].revents & Int16(POLLIN) != 0 {
        guard readOnce() else { break }
      } else if descriptors[1].revents != 0 {
        break
      }
    }
    waitpid(process, &found, 0)
  }

  /// Waits until the program has stopped itself.
  func waitForStop() -> Bool {
    var found: Int32 = 0
    return waitpid(process, &found, WUNTRACED) == process && found & 0xFF == 0x7F
  }
}
