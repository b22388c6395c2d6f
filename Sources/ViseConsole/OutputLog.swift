import CTerminal
import Glibc

/// Where standard output and error go while the screen is up; libraries print whenever they like.
struct OutputLog {
  private static let sizeLimit = 1 << 20
  /// Lines shown on the terminal afterwards.
  private static let tailLimit = 20

  private let path: String
  private let descriptor: Int32
  private let start: off_t

  /// Sends output to the log from now on; without a log it goes nowhere.
  init(folder: String) {
    System.makeFolder(folder)
    path = "\(folder)/output.log"
    var information = stat()
    let isLarge = stat(path, &information) == 0 && information.st_size > Self.sizeLimit
    let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (isLarge ? O_TRUNC : 0)
    let opened = open(path, flags, 0o600)
    descriptor = opened >= 0 ? opened : open("/dev/null", O_RDWR | O_CLOEXEC)
    start = lseek(descriptor, 0, SEEK_END)
    ct_redirect_output(descriptor)
  }

  /// Gives output back and shows the last lines printed meanwhile.
  func finish() {
    ct_restore_output()
    lseek(descriptor, start, SEEK_SET)
    let text = String(decoding: System.contents(of: descriptor, limit: 1 << 22), as: UTF8.self)
    close(descriptor)
    let lines = text.split(separator: "\n")
    guard !lines.isEmpty else { return }
    let more = lines.count > Self.tailLimit ? "… \(lines.count) lines in \(path), the last:\n" : ""
    let tail = lines.suffix(Self.tailLimit).joined(separator: "\n")
    System.write("\(more)\(tail)\n", to: STDERR_FILENO)
  }
}
