import Foundation
import Testing

private let isWanted = ProcessInfo.processInfo.environment["VISE_SLURM"] != nil

/// Against a real Slurm of one node, which the tests start; needs root, munge and slurm-wlm.
@Suite(.enabled(if: isWanted, "needs VISE_SLURM=1, root, munge and slurm-wlm"), .serialized)
struct SlurmTests {
  private static let script = root.appending(path: "Tests/Peers/slurm_node.sh").path

  private static func node(_ action: String, _ folder: URL) throws {
    let shell = Process()
    shell.executableURL = URL(filePath: script)
    shell.arguments = [action, folder.appending(path: "slurm").path]
    shell.standardInput = FileHandle.nullDevice
    try shell.run()
    shell.waitUntilExit()
    try #require(shell.terminationStatus == 0, "\(action) failed")
  }

  /// A search of eight plans, two at a time, with all it keeps in `folder`.
  private static func search(_ name: String, _ folder: URL) throws -> Process {
    let home = folder.appending(path: name)
    let shared = home.appending(path: "shared")
    try FileManager.default.createDirectory(at: shared, withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = try program
    process.arguments = [
      "search", sample, "--size", "3MB", "--text", text, "--options", "q2_K, q4_K, q6_K",
      "--limit", "2048", "--window", "128", "--windows", "4", "--trials", "8", "--seed", "3",
      "--executor", "slurm", "--shared-folder", shared.path, "--parallel", "2", "--threads", "1",
      "--sbatch", "--cpus-per-task=1", "--out", home.appending(path: "plan.toml").path,
    ]
    process.environment = hermetic.merging([
      "VISE_TRIALS": "on", "VISE_EFFECTS": "on", "XDG_STATE_HOME": home.path,
      "XDG_CACHE_HOME": folder.appending(path: "cache").path,
      "SLURM_CONF": folder.appending(path: "slurm/slurm.conf").path,
    ]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  private static func plan(_ name: String, _ folder: URL) throws -> String {
    try String(contentsOf: folder.appending(path: "\(name)/plan.toml"), encoding: .utf8)
  }

  @Test func aSearchThatIsKilledWhileItsNodeRebootsEndsWhereAnotherDoes() throws {
    try withFolder { folder in
      try Self.node("start", folder)
      defer { try? Self.node("stop", folder) }
      let whole = try Self.search("whole", folder)
      whole.waitUntilExit()
      try #require(whole.terminationStatus == 0)

      let seed = UInt64.random(in: 0...UInt64.max)
      var kills = 0
      for attempt in 0..<20 {
        let run = try Self.search("broken", folder)
        let deadline = Date(timeIntervalSinceNow: 3 + Double((seed >> (3 * attempt)) & 7))
        while run.isRunning, attempt < 5, Date() < deadline { Thread.sleep(forTimeInterval: 0.05) }
        guard run.isRunning, attempt < 5 else {
          run.waitUntilExit()
          #expect(run.terminationStatus == 0, "seed \(seed)")
          break
        }
        if attempt % 2 == 0 {
          kill(run.processIdentifier, SIGKILL)
          kills += 1
          run.waitUntilExit()
        }
        try Self.node("reboot", folder)
        if attempt % 2 == 1 {
          kill(run.processIdentifier, SIGKILL)
          kills += 1
          run.waitUntilExit()
        }
      }
      #expect(kills > 0, "the search was done before it could be killed, seed \(seed)")
      #expect(try Self.plan("broken", folder) == Self.plan("whole", folder), "seed \(seed)")
    }
  }
}
