import ArgumentParser
import Glibc
import ViseEvaluation
import ViseSearch

/// Where a search measures plans.
enum ExecutorName: String, ExpressibleByArgument, CaseIterable {
  /// On this machine, one after the other.
  case local
  /// By array jobs of a Slurm cluster.
  case slurm
}

/// Where and how many at once, as the command line has it.
struct ExecutorOptions: ParsableArguments {
  @Option(help: "Where plans are measured: local, or slurm for array jobs of a Slurm cluster.")
  var executor = ExecutorName.local

  @Option(
    help: """
      A folder that this machine and those of the cluster see under one path, as they must the \
      model, the text and vise itself.
      """)
  var sharedFolder: String?

  @Option(help: "Plans measured at once on the cluster.")
  var parallel = 8

  @Option(
    name: .customLong("sbatch"), parsing: .unconditionalSingleValue,
    help: "An option for sbatch, such as --sbatch --partition=long; may be given again.")
  var sbatchOptions: [String] = []

  func validate() throws {
    if (executor == .slurm) != (sharedFolder != nil) {
      throw ValidationError("--executor slurm and --shared-folder go together")
    }
    guard (1...1000).contains(parallel) else {
      throw ValidationError("--parallel takes 1 to 1000")
    }
  }

  /// Plans a search measures at once.
  var batchSize: Int { executor == .slurm ? parallel : 1 }
}

/// The command that measures one plan of a search on another machine.
struct SearchTask {
  let model, text: String
  let calibration: String?
  let window, limit, selectionWindows: Int
  let options: RunOptions
  /// What the machine must agree on for its figures to count.
  let identity: String

  func words(plan: String, windows: Range<Int>, out: String) -> [String] {
    var words = [
      Self.executable, SearchTaskCommand.name, Self.absolute(model), "--text",
      Self.absolute(text), "--window", "\(window)", "--limit", "\(limit)", "--windows",
      "\(selectionWindows)", "--plan", plan, "--first", "\(windows.lowerBound)", "--count",
      "\(windows.count)", "--identity", identity, "--out", out,
    ]
    if let calibration { words += ["--calibration", Self.absolute(calibration)] }
    if let memory = options.memory { words += ["--memory", "\(memory.value)B"] }
    if let threads = options.threads { words += ["--threads", "\(threads)"] }
    return words
  }

  /// The same for all who measure the same: model, settings, code and text.
  static func identity(_ session: ModelSession, _ text: EvaluationText) -> String {
    "\(session.evaluationIdentity) \(text.evaluationIdentity)"
  }

  private static var executable: String { absolute("/proc/self/exe") }

  private static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
