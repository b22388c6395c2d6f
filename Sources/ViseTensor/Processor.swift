import Glibc

/// The processor this program runs on.
public enum Processor {
  /// As `/proc/cpuinfo` names it; `unknown` where it does not.
  public static let name: String = {
    guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      if text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") {
        return text[text.index(after: colon)...].split(separator: "\n").joined()
          .drop { $0 == " " }.description
      }
    }
    return "unknown"
  }()
}
