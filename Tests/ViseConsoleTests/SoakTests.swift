import Foundation
import Testing
import WorkbenchTestSupport

/// Seconds of use, such as 3600; none without `VISE_SOAK`.
private let duration =
  ProcessInfo.processInfo.environment["VISE_SOAK"].flatMap { Double($0) } ?? 0

/// Vise itself on the sample model, used at random for as long as is asked.
@Suite(.enabled(if: duration > 0, "needs VISE_SOAK=seconds"))
struct SoakTests {
  /// Keys that cannot leave the program, stop it or write a file.
  private static let keys =
    ["j", "k", "j", "k", "G", "2", "3", "4", "5", "6", "8", "0", "[", "]", "{", "}", "r", "R", "u"]
    + ["\u{12}", "f", "i", "o", "v", "a", " ", "m", "t", "c", "V", "b", "F", "s", "/", "?", "\t"]
    + ["\r", "\u{1B}", "\u{1B}", "gp", "gt", "gm", "gc", "x"]
  private static let sizes = [(60, 16), (80, 24), (100, 30), (120, 36), (160, 48), (40, 10)]

  @Test func memoryStaysFlatAndTheJournalLeadsToThePlanOnScreen() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let state = PtySession.makeStateFolder()
    let session = try PtySession(
      ["SampleModels/story-lm/story-lm-f16.gguf", "--memory", "600MB"], program: PtySession.product,
      state: state, columns: 100, rows: 30,
      environment: ["VISE_SAMPLES": "SampleModels", "XDG_CACHE_HOME": "\(state)/cache"])
    #expect(session.wait(for: "story-lm"))
    var samples: [Double] = []
    let start = Date()
    var nextSample = 0.0
    while -start.timeIntervalSinceNow < duration {
      if Int.random(in: 0..<200, using: &random) == 0 {
        let (columns, rows) = Self.sizes.randomElement(using: &random) ?? (80, 24)
        session.resize(columns: columns, rows: rows)
      }
      session.send(Self.keys.randomElement(using: &random) ?? "j")
      session.watch(milliseconds: 50)
      if -start.timeIntervalSinceNow >= nextSample {
        samples.append(try Self.anonymousKilobytes(of: session.process))
        nextSample += duration / 100
      }
    }
    session.resize(columns: 100, rows: 30)
    for _ in 0..<4 {
      session.send("\u{1B}")
      session.watch(milliseconds: 300)
    }
    #expect(session.wait { Self.size(in: $0.text) != nil }, "seed \(seed)")
    let shown = try #require(Self.size(in: session.text))
    session.send(signal: SIGTERM)
    #expect(session.exitCode() == 143, "seed \(seed)")
    let journals = try FileManager.default.contentsOfDirectory(atPath: "\(state)/vise")
      .filter { $0.hasSuffix(".journal") }
    let journal = try #require(journals.first)
    let replayed = try Self.output(
      of: [PtySession.product, "play", "\(state)/vise/\(journal)", "--screen", "100x30"])
    #expect(Self.size(in: replayed) == shown, "seed \(seed)")
    let early = Self.mean(samples[20..<40])
    let late = Self.mean(samples[80...])
    print("soak: \(Int(early)) kB after a fifth, \(Int(late)) kB at the end, seed \(seed)")
    #expect(late <= 1.05 * early, "\(early) kB grew to \(late) kB, seed \(seed)")
  }

  /// The figure of the size gauge.
  private static func size(in screen: String) -> String? {
    screen.split(separator: "\n").first { $0.hasPrefix(" size  ") }
      .map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
  }

  /// What the process has of its own, files it maps not counted.
  private static func anonymousKilobytes(of process: pid_t) throws -> Double {
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
    return try #require(Double(line.split(separator: " ").dropLast().last ?? ""))
  }

  private static func mean(_ values: ArraySlice<Double>) -> Double {
    values.reduce(0, +) / Double(max(values.count, 1))
  }

  private static func output(of command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}
