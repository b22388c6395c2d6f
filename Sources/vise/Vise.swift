import ArgumentParser
import Glibc

@main
struct Vise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vise",
    abstract: "A model-compression workbench for the terminal.",
    subcommands: [
      OpenCommand.self, InspectCommand.self, RunCommand.self, TokenizeCommand.self,
      MeasureCommand.self, CalibrateCommand.self, CompareCommand.self, PredictCommand.self,
      SensitivityCommand.self, WhatIfCommand.self,
      BenchCommand.self, DevicesCommand.self, PlanCommand.self,
      SearchCommand.self, SearchTaskCommand.self, FrontierCommand.self, RewriteCommand.self,
      TuneCommand.self, ExportCommand.self,
      TrialsCommand.self, PlayCommand.self,
      StudyCommand.self, ThemesCommand.self, ScreenshotCommand.self, DoctorCommand.self,
    ],
    defaultSubcommand: OpenCommand.self)

  /// Bad usage exits with 2, as bad input does; the parser's own code for it is 64.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
      // The engine may still be at work, and `exit` would take OpenBLAS's memory from under it.
      fflush(nil)
      _exit(0)
    } catch  where exitCode(for: error) == .validationFailure {
      StandardError.write(fullMessage(for: error) + "\n")
      Glibc.exit(2)
    } catch {
      exit(withError: error)
    }
  }
}
