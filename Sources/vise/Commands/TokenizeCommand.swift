import ArgumentParser
import ViseEvaluation
import ViseModels

/// Prints the ids of a text.
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Print the token ids of a text under a model's tokenizer.")

  @Argument(help: "The model whose tokenizer is used.")
  var model: String

  @Option(help: "The text file; any bytes are valid.")
  var text: String

  @Flag(help: "Leave out the begin and end tokens the model adds.")
  var noSpecial = false

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    let ids: [Int32]
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      let loader = TextLoader(model: try Model(path: model))
      let ids = try loader.tokens(path: text, addSpecial: !noSpecial)
      if json {
        try JSONOutput.write(Report(ids: ids))
      } else {
        print(ids.map(String.init).joined(separator: " "))
      }
    }
  }
}
