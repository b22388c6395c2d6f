import Foundation

/// A directory for one test, removed when the test lets go of it.
final class TemporaryDirectory: Sendable {
  let path: String

  /// Makes the directory; in memory, where the system has a place for that, when files are many.
  init(inMemory: Bool = false) throws {
    let memory = "/dev/shm"
    let parent =
      inMemory && FileManager.default.isWritableFile(atPath: memory)
      ? memory : FileManager.default.temporaryDirectory.path
    path = parent + "/vise-formats-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { path + "/" + name }

  /// Writes `bytes` to a file called `name` and returns its path.
  @discardableResult
  func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let target = file(name)
    try Data(bytes).write(to: URL(filePath: target))
    return target
  }

  var contents: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
  }
}

/// Where real models lie on this machine; tests that need one skip when it is absent.
func realModel(_ name: String) -> String? {
  let environment = ProcessInfo.processInfo.environment
  let home = environment["HOME"] ?? "/"
  let directory =
    environment["VISE_MODELS"] ?? (environment["XDG_CACHE_HOME"] ?? home + "/.cache")
    + "/vise/models"
  let path = directory + "/" + name
  return FileManager.default.fileExists(atPath: path) ? path : nil
}

/// Where a shared data set lies on this machine; `nil` where it is absent.
func sharedData(_ name: String) -> String? {
  let beside = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data").path
  let path = (ProcessInfo.processInfo.environment["VISE_DATA"] ?? beside) + "/" + name
  return FileManager.default.fileExists(atPath: path) ? path : nil
}
