import CTerminal
import Glibc
import ViseTerminal
public import ViseWorkbench

/// Exit codes of the workbench.
enum ExitCode {
  static let unusableTerminal: Int32 = 2
  static let hungUp: Int32 = 129
  static let interrupted: Int32 = 130
  static let terminated: Int32 = 143
}

/// Runs the workbench on the terminal until the user leaves, and returns the exit code.
///
/// To be called on the main thread before any other thread exists, because it blocks the signals
/// it reads itself. Without a path the user chooses a model first. The first frame is on the screen before `connect` is called; `connect` must
/// return at once and report the opened model through the mailbox.
public func runWorkbench(
  modelPath: String?, samples: [String] = [], options: WorkbenchOptions = WorkbenchOptions(),
  connect: @escaping (_ modelPath: String, EngineMailbox) -> any EngineConnection
) -> Int32 {
  ct_block_signals()
  let terminal = ct_find_tty()
  guard terminal >= 0 else {
    System.write(
      "vise needs a terminal; in scripts use `vise inspect`, `vise measure` or `vise export`\n",
      to: STDERR_FILENO)
    return ExitCode.unusableTerminal
  }
  let folder = System.stateFolder()
  installGuard(stateFolder: folder)
  var capabilities = ct_caps()
  let status = ct_open(getenv("TERM"), terminal, options.glyphs == .unicode, &capabilities)
  guard status == Int32(CT_OK) else {
    System.write(reason(status), to: STDERR_FILENO)
    return ExitCode.unusableTerminal
  }
  ct_count_bytes(System.variable("VISE_STATS") != nil)
  let log = OutputLog(folder: folder)
  let setup = TerminalSetup(options: options, capabilities: capabilities)
  var loop = WorkbenchLoop(
    modelPath: modelPath, terminal: terminal, setup: setup,
    reader: FolderReader(stateFolder: folder, samples: samples), connect: connect)
  let code = loop.run()
  ct_close()
  log.finish()
  close(terminal)
  return code
}

private func reason(_ status: Int32) -> String {
  let name = System.variable("TERM") ?? "(unset)"
  if status == Int32(CT_NO_ADDRESSING) {
    return "vise: a terminal of type \(name) cannot place the cursor; set TERM to what it is, "
      + "such as xterm-256color, or use `vise inspect` and the other commands\n"
  }
  return "vise: no description of terminal \(name), nor of xterm-256color, is installed\n"
}

/// The guard keeps the text for as long as the program runs.
private func installGuard(stateFolder: String) {
  let size = System.variable("TERM") ?? "unset"
  let report =
    "\r\nvise crashed (TERM \(size)). Edits are saved in \(stateFolder) and can be resumed.\r\n"
    + "What was printed meanwhile:\r\n"
  ct_install_guard(strdup(report))
}
