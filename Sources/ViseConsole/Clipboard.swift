import CTerminal
import Glibc

/// Sends text to the terminal's clipboard.
///
/// There is no answer, so nobody can say "copied".
enum Clipboard {
  /// Terminals drop longer ones.
  private static let escapeLimit = 70_000

  /// Sends `text` and returns what can be said about it.
  static func send(_ text: String, stateFolder: String) -> String {
    System.makeFolder(stateFolder)
    let path = "\(stateFolder)/clipboard"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      System.write(text, to: descriptor)
      close(descriptor)
    }
    if System.variable("TMUX") != nil {
      guard let pipe = popen("tmux load-buffer -w - 2>/dev/null", "w") else {
        return "kept in \(path)"
      }
      fputs(text, pipe)
      pclose(pipe)
      return "sent to terminal clipboard, kept in \(path)"
    }
    let encoded = base64(Array(text.utf8))
    guard encoded.utf8.count <= escapeLimit else { return "kept in \(path)" }
    let sequence = "\u{1B}]52;c;\(encoded)\u{7}"
    ct_write(sequence, Int32(sequence.utf8.count))
    return "sent to terminal clipboard, kept in \(path)"
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var word = 0
      for offset in 0..<3 {
        word = word << 8 | (offset < group.count ? Int(group[start + offset]) : 0)
      }
      for digit in 0..<4 {
        text.append(digit <= group.count ? alphabet[word >> (18 - 6 * digit) & 63] : "=")
      }
    }
    return text
  }
}
