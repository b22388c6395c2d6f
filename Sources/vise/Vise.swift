import ArgumentParser

@main
struct Vise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vise",
    abstract: "A model-compression workbench for the terminal.",
    subcommands: [
      OpenCommand.self, InspectCommand.self, TokenizeCommand.self, MeasureCommand.self,
      PredictCommand.self, ExportCommand.self, StudyCommand.self, DoctorCommand.self,
    ],
    defaultSubcommand: OpenCommand.self)
}
