import Foundation
import Testing

private let isWanted = ProcessInfo.processInfo.environment["VISE_SSH"] != nil

/// Through a real `ssh` to an `sshd` of our own, whose answers come at 25 kB/s.
@Suite(
  .enabled(if: isWanted, "needs VISE_SSH=1, openssh-server, netcat-openbsd and pv"), .serialized)
struct SlowLinkTests {
  private let server: LocalServer

  init() throws { server = try LocalServer() }

  @Test(arguments: [(80, 24), (160, 48)])
  func keysAreAnsweredWhileTheEngineFloods(columns: Int, rows: Int) throws {
    defer { server.stop() }
    let session = try open(["--flood"], columns: columns, rows: rows)
    #expect(session.wait(for: "Fixture-135M"))
    var delays: [Double] = []
    for bits in ["3", "4", "5", "6", "8", "3", "4", "5", "6", "8"] {
      let start = Date()
      session.send("j\(bits)")
      #expect(session.wait(for: "\(delays.count + 1) treated"))
      delays.append(-start.timeIntervalSinceNow)
    }
    let median = delays.sorted()[delays.count / 2]
    print("25 kB/s, \(columns)x\(rows): edit on screen after \(Int(1000 * median)) ms, median")
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func aDroppedConnectionKeepsTheJournal() throws {
    defer { server.stop() }
    let state = PtySession.makeStateFolder()
    let session = try open([], state: state)
    #expect(session.wait(for: "Fixture-135M"))
    session.send("3")
    #expect(session.wait(for: "1 treated"))
    session.send(signal: SIGKILL)
    _ = session.exitCode()
    let again = try open([], state: state)
    #expect(again.wait(for: "session found"))
    again.send("r")
    #expect(again.wait(for: "1 treated"))
    again.send("Q")
    #expect(again.exitCode() == 0)
  }

  private func open(
    _ arguments: [String], state: String = PtySession.makeStateFolder(), columns: Int = 80,
    rows: Int = 24
  ) throws -> PtySession {
    let command = "env XDG_STATE_HOME=\(state) LANG=C.UTF-8 \(PtySession.program)"
    return try PtySession(
      server.arguments + [([command] + arguments).joined(separator: " ")],
      program: "/usr/bin/ssh", state: state, columns: columns, rows: rows)
  }
}

/// A server with keys of its own on a free port of this machine.
private final class LocalServer {
  private let folder = PtySession.makeStateFolder()
  private let port = Int.random(in: 20_000..<60_000)
  private let process = Process()

  init() throws {
    for name in ["host", "user"] {
      try Self.run(
        "/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/\(name)"])
    }
    try FileManager.default.createDirectory(
      atPath: "/run/sshd", withIntermediateDirectories: true)
    let settings = """
      Port \(port)
      ListenAddress 127.0.0.1
      HostKey \(folder)/host
      AuthorizedKeysFile \(folder)/user.pub
      PidFile \(folder)/pid
      StrictModes no
      UsePAM no
      PermitRootLogin yes
      """
    try settings.write(toFile: "\(folder)/config", atomically: true, encoding: .utf8)
    process.executableURL = URL(fileURLWithPath: "/usr/sbin/sshd")
    process.arguments = ["-D", "-f", "\(folder)/config"]
    try process.run()
  }

  func stop() { process.terminate() }

  /// What `ssh` is called with, up to the command; it tries again until the server listens.
  var arguments: [String] {
    let dial = "i=0; until nc -z 127.0.0.1 \(port) || [ $i -ge 50 ]; do i=$((i+1)); sleep 0.1; done"
    return [
      "-tt", "-q", "-i", "\(folder)/user", "-o", "StrictHostKeyChecking=no",
      "-o", "UserKnownHostsFile=/dev/null", "-o", "ControlPath=none",
      "-o", "ProxyCommand=sh -c '\(dial); nc 127.0.0.1 \(port) | pv -qL 25000'",
      "\(NSUserName())@vise-test",
    ]
  }

  private static func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program) failed")
  }
}
