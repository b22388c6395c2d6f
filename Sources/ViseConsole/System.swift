import Glibc

/// The few calls to the system the console needs.
enum System {
  /// Seconds of a clock that never goes back.
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The value of an environment variable; empty ones count as unset.
  static func variable(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The text of the last error.
  static var lastError: String { String(cString: strerror(errno)) }

  /// Writes all of `text`, as far as the descriptor takes it.
  @discardableResult
  static func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes = bytes.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// A file's bytes, up to `limit` of them, or `nil` where it cannot be read.
  static func contents(of path: String, limit: Int = 1 << 28) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return contents(of: descriptor, limit: limit)
  }

  /// The rest of what an open file holds, up to `limit` bytes.
  static func contents(of descriptor: Int32, limit: Int) -> [UInt8] {
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while result.count < limit {
      let count = read(descriptor, &block, min(block.count, limit - result.count))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      result += block[..<count]
    }
    return result
  }

  /// Writes a file whole or not at all; the reason where it is not.
  static func writeFile(_ text: String, to path: String, overwrite: Bool) -> String? {
    if !overwrite, access(path, F_OK) == 0 { return "\(path) exists; --overwrite replaces it" }
    let temporary = "\(path).vise-\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return "\(path): \(lastError)" }
    let isWritten = write(text, to: descriptor)
    guard close(descriptor) == 0, isWritten, rename(temporary, path) == 0 else {
      let reason = lastError
      unlink(temporary)
      return "\(path): \(reason)"
    }
    return nil
  }

  /// Makes a folder and those above it; existing ones are left as they are.
  static func makeFolder(_ path: String) {
    var partial = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      partial += "/\(part)"
      mkdir(partial, 0o700)
    }
  }

  /// `$XDG_STATE_HOME/vise`, where journals and the log are.
  static func stateFolder() -> String {
    if let home = variable("XDG_STATE_HOME") { return "\(home)/vise" }
    return "\(variable("HOME") ?? "/tmp")/.local/state/vise"
  }

  /// The folder paths are relative to.
  static var currentFolder: String { absolute(".") }

  /// `path` from the root, without links; as it is where there is no such file.
  static func absolute(_ path: String) -> String {
    guard let found = realpath(path, nil) else { return path }
    defer { free(found) }
    return String(cString: found)
  }

  /// What the system says of a file; `nil` where it cannot be looked at.
  static func information(_ path: String) -> stat? {
    var information = stat()
    return stat(path, &information) == 0 ? information : nil
  }

  static func isFolder(_ information: stat) -> Bool {
    information.st_mode & S_IFMT == S_IFDIR
  }

  /// A moment, in seconds since 1970, as the user's clock shows it.
  static func clock(_ seconds: Int) -> String {
    var seconds = seconds
    var local = tm()
    localtime_r(&seconds, &local)
    var text = [CChar](repeating: 0, count: 64)
    strftime(&text, text.count, "%Y-%m-%d %H:%M", &local)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A path with a leading `~/` made the user's home.
  static func expanded(_ path: String) -> String {
    guard path.hasPrefix("~/"), let home = variable("HOME") else { return path }
    return home + path.dropFirst(1)
  }
}
