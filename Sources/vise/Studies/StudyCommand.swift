import ArgumentParser

/// Experiments that check Vise's own claims.
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study", abstract: "Check Vise's claims on a model of yours.",
    subcommands: [
      StudyPredictorCommand.self, StudyLatencyCommand.self, StudyIncrementalCommand.self,
      StudyEffectsCommand.self, StudyEncodersCommand.self, StudySolversCommand.self,
      StudySearchCommand.self,
    ])
}
