import Glibc
import ViseModels

/// The folder over which a search and its tasks on other machines know of each other.
///
/// A task is named by what it measures, so that one that was given out before an interruption is the
/// same afterwards. Every file appears whole, by renaming.
struct SharedFolder {
  let path: String

  private static let sizeLimit = 1 << 26
  private static let logTail = 400

  init(_ path: String) throws(ClusterError) {
    self.path = path
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw Self.fault(path) }
  }

  func planPath(_ task: String) -> String { "\(path)/task-\(task).toml" }
  func scriptPath(_ task: String) -> String { "\(path)/task-\(task).sh" }
  func scoresPath(_ task: String) -> String { "\(path)/task-\(task).scores" }
  func queuedPath(_ task: String) -> String { "\(path)/task-\(task).job" }
  func logPath(of queued: QueuedTask) -> String { "\(path)/job-\(queued.job)-\(queued.index).log" }

  /// As `sbatch` spells the log of a task of an array job.
  var logPattern: String { "\(path)/job-%A-%a.log" }

  func write(_ text: String, to path: String) throws(ClusterError) {
    let part = "\(path).\(getpid())"
    guard let file = fopen(part, "we") else { throw Self.fault(part) }
    let isWhole = fputs(text, file) >= 0
    guard fclose(file) == 0, isWhole, rename(part, path) == 0 else { throw Self.fault(path) }
  }

  /// `nil` where there is no such file, or none that is text.
  func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= Self.sizeLimit {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { return String(validating: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
    return nil
  }

  /// Where `task` was last given to; `nil` where it never was.
  func queued(_ task: String) -> QueuedTask? {
    guard let words = read(queuedPath(task))?.split(whereSeparator: \.isWhitespace),
      words.count == 2, let index = Int(words[1])
    else { return nil }
    return QueuedTask(job: String(words[0]), index: index)
  }

  func keep(_ queued: QueuedTask, of task: String) throws(ClusterError) {
    try write("\(queued.job) \(queued.index)\n", to: queuedPath(task))
  }

  func lastWords(of task: String) -> String {
    let log = queued(task).flatMap { read(logPath(of: $0)) } ?? ""
    return String(log.suffix(Self.logTail))
  }

  private static func fault(_ path: String) -> ClusterError {
    .unwritable(path: path, reason: String(cString: strerror(errno)))
  }
}

/// A word as a shell takes it literally.
func shellQuoted(_ word: String) -> String {
  "'" + word.replacing("'", with: "'\\''") + "'"
}
