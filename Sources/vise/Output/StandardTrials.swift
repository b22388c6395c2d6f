import ViseEvaluation
import ViseTrials

extension TrialRecorder {
  /// A recorder on the user's store; faults are warnings on standard error.
  static func standard(origin: String) -> TrialRecorder? {
    TrialStore.standardFolder().flatMap { folder in
      open(folder: folder, origin: origin, describe: { ErrorText.describe($0) }) {
        StandardError.write("vise: warning: \($0)\n")
      }
    }
  }
}
