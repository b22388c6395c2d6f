import Glibc
import Synchronization
package import ViseTensor

/// Files found again by what their contents were made from; shared by all sessions.
///
/// Files are written beside their place and renamed; what a crash cuts off or a disk changes is
/// recognised and ignored. Where files exceed the budget, those unused for longest go first. A disk
/// that refuses anything costs time, never a result.
package final class FileCache: Sendable {
  /// The folder that holds the files.
  package let folder: String
  private let suffix: String
  private let byteBudget: Int
  /// Bytes in the folder, as far as known; `nil` until it was listed.
  private let byteCount = Mutex<Int?>(nil)

  /// - Parameter folder: made when first written to.
  package init(folder: String, suffix: String, byteBudget: Int) {
    self.folder = folder
    self.suffix = suffix
    self.byteBudget = byteBudget
  }

  /// A folder of the user's below `$XDG_CACHE_HOME`; `nil` without a home, or where the variable
  /// `switchName` is `off`.
  package static func standardFolder(_ name: String, unlessOff switchName: String) -> String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    guard variable(switchName) != "off",
      let cache = variable("XDG_CACHE_HOME") ?? variable("HOME").map({ $0 + "/.cache" })
    else { return nil }
    return "\(cache)/vise/\(name)"
  }

  /// Names the build of the program: another one makes files of its own.
  package static let programVersion: String = {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { return "unknown" }
    return "\(status.st_size).\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }()

  private func path(_ key: String) -> String {
    var hash = WordHash()
    hash.combine(key)
    return "\(folder)/\(hash.hexadecimal).\(suffix)"
  }

  /// The parts stored under `key`, of which each has its length in `byteCounts`.
  package func read(_ key: String, byteCounts: [Int]) -> [ByteBuffer]? {
    let path = path(key)
    guard let file = try? MappedFile(path: path) else { return nil }
    let parts = file.withBytes { LevelFile.parts($0, key: key, byteCounts: byteCounts) }
    if parts == nil {
      unlink(path)
    } else {
      utimensat(AT_FDCWD, path, nil, 0)
    }
    return parts
  }

  /// Stores `parts` under `key`.
  package func write(_ parts: [ByteBuffer], key: String) {
    let header = LevelFile.header(key: key, parts: parts)
    let size = parts.reduce(header.count) { $0 + $1.count }
    guard size <= byteBudget / 2 else { return }
    LevelFolder.make(folder)
    makeRoom(for: size)
    guard LevelFolder.write(header, parts, to: path(key)) else { return }
    byteCount.withLock { $0? += size }
  }

  /// Deletes the files unused for longest until `size` more bytes fit.
  private func makeRoom(for size: Int) {
    byteCount.withLock { byteCount in
      if let known = byteCount, known + size <= byteBudget { return }
      var files = LevelFolder.files(folder, suffix: suffix)
      var total = files.reduce(0) { $0 + $1.byteCount }
      if total + size > byteBudget {
        files.sort { ($0.seconds, $0.nanoseconds) < ($1.seconds, $1.nanoseconds) }
        for file in files where total + size > byteBudget {
          unlink("\(folder)/\(file.name)")
          total -= file.byteCount
        }
      }
      byteCount = total
    }
  }
}
