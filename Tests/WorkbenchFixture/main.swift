import Glibc
import ViseConsole
import ViseTerminal
import WorkbenchTestSupport

// Runs the real loop on the real terminal against a scripted engine, for the tests that need a
// terminal. Arguments: color, glyphs, theme as the product's options take them.
let arguments = CommandLine.arguments
func value(_ option: String) -> String? {
  guard let index = arguments.firstIndex(of: option), index + 1 < arguments.count else {
    return nil
  }
  return arguments[index + 1]
}
let options = WorkbenchOptions(
  color: value("--color").flatMap { .init(rawValue: $0) },
  glyphs: value("--glyphs").flatMap { .init(rawValue: $0) }, theme: value("--theme"),
  isMouseEnabled: arguments.contains("--mouse"), isSlow: arguments.contains("--slow-ui"))
let blocks = value("--blocks").flatMap { Int($0) } ?? 30
let code = runWorkbench(
  modelPath: arguments.contains("--choose") ? nil : "fixture.gguf", options: options
) { _, mailbox in
  if arguments.contains("--crash") { fatalError("asked to crash") }
  let engine = ScriptedEngine(
    mailbox: mailbox, summary: FixtureModel.summary(path: "fixture.gguf", blocks: blocks))
  if arguments.contains("--flood") { engine.flood() }
  return engine
}
exit(code)
