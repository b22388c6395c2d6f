import ArgumentParser

@main
struct Vise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vise", abstract: "A model-compression workbench for the terminal.")
}
