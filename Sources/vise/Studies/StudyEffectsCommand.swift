import ArgumentParser
import FoundationEssentials
import Glibc
import ViseEvaluation
import ViseModels
import ViseTensor

/// Times when the workbench knows what.
struct StudyEffectsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "effects",
    abstract: "Time the engine from opening a model until its layers' effects are known.",
    discussion: """
      Opens the model twice with caches of its own: first with empty ones, then as left by the \
      first. Effects are of formats of 2 to 8 bits at each site, the selected one first.
      """)

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The text; the sample model's by default.")
  var text: String?

  @Option(name: .customLong("options"), help: "Options each site shall be known under.")
  var optionCount = 4

  @Option(help: "Edits whose figure through the head is timed.")
  var edits = 20

  @Option(help: "How far the engine steps back for other programs.")
  var niceness: Int32 = 10

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Step: Encodable {
    let activity: String
    let seconds: Double
  }

  private struct SessionEntry: Encodable {
    let openedSeconds, firstEffectSeconds, allEffectsSeconds: Double
    let effects, computed: Int
    /// Of all threads, until all effects were known.
    let processorSeconds: Double
    /// When each step before the first effect began.
    let preparation: [Step]
    let editMedianSeconds, editLargestSeconds: Double?
    /// From a wish that ends what runs to the start of what is wished.
    let cancelMedianSeconds, cancelLargestSeconds: Double?

    init(_ session: EffectsStudy.Session) {
      openedSeconds = session.openedSeconds
      firstEffectSeconds = session.firstEffectSeconds
      allEffectsSeconds = session.allEffectsSeconds
      effects = session.effects
      computed = session.computed
      processorSeconds = session.processorSeconds
      preparation = session.preparation.map { Step(activity: $0.activity, seconds: $0.seconds) }
      let sorted = session.editSeconds.sorted()
      editMedianSeconds = sorted.isEmpty ? nil : sorted[sorted.count / 2]
      editLargestSeconds = sorted.last
      let cancels = session.cancelSeconds.sorted()
      cancelMedianSeconds = cancels.isEmpty ? nil : cancels[cancels.count / 2]
      cancelLargestSeconds = cancels.last
    }
  }

  private struct Report: Encodable {
    let sites, options, edits, threads: Int
    let cold, reopened: SessionEntry
    /// Programs that wanted a core, on average over the last minute, at start and end.
    let load: [Double]
  }

  func validate() throws {
    if optionCount < 1 || optionCount > 5 { throw ValidationError("--options takes 1 to 5") }
    if edits < 0 { throw ValidationError("--edits takes 0 or more") }
  }

  func run() throws {
    try CommandRunner.run {
      let path = try SampleModels.text(text)
      var engine = Engine.Options(
        textPath: path, memoryByteCount: options.memoryByteCount, niceness: niceness,
        describe: { ErrorText.describe($0) })
      let load = Self.load
      let report = try TemporaryFolder.with { folder in
        engine.levels = LevelDatabase(folder: folder + "/levels")
        engine.trialFolder = folder
        let sessions = try (0..<2).map { _ in
          let progress = ProgressLine("sites known")
          return try EffectsStudy(
            path: model, options: engine, effects: EffectFiles(folder: folder + "/effects"),
            optionCount: optionCount, editCount: edits, cancellation: Interrupt.flag
          ).run { progress.report($0, of: $1) }
        }
        return Report(
          sites: sessions[0].sites, options: optionCount, edits: edits,
          threads: ComputePool.coreCount, cold: SessionEntry(sessions[0]),
          reopened: SessionEntry(sessions[1]),
          load: [load, Self.load])
      }
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  private static var load: Double {
    var averages = [0.0]
    return getloadavg(&averages, 1) == 1 ? averages[0] : .nan
  }

  private static func printSummary(_ report: Report) {
    print("\(report.sites) sites × \(report.options) options, load \(report.load)")
    for (name, session) in [("cold", report.cold), ("reopened", report.reopened)] {
      print(
        "\(name): layers after \(session.openedSeconds) s, first effect of the selected one "
          + "\(session.firstEffectSeconds) s, all \(session.allEffectsSeconds) s "
          + "(\(session.effects) effects, \(session.computed) run, "
          + "\(session.processorSeconds) s of processors)")
      if let median = session.editMedianSeconds, let largest = session.editLargestSeconds {
        print("  figure from the head after an edit: median \(median) s, longest \(largest) s")
      }
      if let median = session.cancelMedianSeconds, let largest = session.cancelLargestSeconds {
        print("  work under way ends after: median \(median) s, longest \(largest) s")
      }
    }
  }
}

/// A folder that is gone once its use is over.
enum TemporaryFolder {
  static func with<Result>(_ body: (String) throws -> Result) throws -> Result {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/vise-study-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw StorageError.cannotOpen(path: base, code: errno) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }
}
