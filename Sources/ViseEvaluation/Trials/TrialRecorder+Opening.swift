import ViseTrials

extension TrialRecorder {
  /// A recorder on the store in `folder`; `nil` where none can be had.
  ///
  /// - Parameter log: gets a sentence for each fault, made with `describe`.
  public static func open(
    folder: String, origin: String, describe: @escaping @Sendable (any Error) -> String,
    log: @escaping @Sendable (String) -> Void
  ) -> TrialRecorder? {
    let store = TrialStore.open(folder: folder) { error, target in
      let sentence = describe(error)
      log(
        target.map { "\(sentence); it was moved to \($0)" }
          ?? "\(sentence); measurements are not kept")
    }
    return store.map { store in
      TrialRecorder(store: store, origin: origin) {
        log("\(describe($0)); measurements are not kept")
      }
    }
  }
}
