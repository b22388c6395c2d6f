/// A reason why trials cannot be kept.
public enum TrialStoreError: Error, Equatable, Sendable {
  /// The file is no database, or its contents contradict each other.
  case damaged(path: String, reason: String)
  /// A newer program has written the file.
  case newerSchema(path: String, version: Int, known: Int)
  /// The file is a database of something else.
  case foreign(path: String)
  /// The file cannot be opened, read or written: a disk is full, read-only or busy.
  case unavailable(path: String, reason: String)

  /// True where the file itself is the fault, so that a fresh one in its place would do.
  var isOfTheFile: Bool {
    switch self {
    case .damaged, .newerSchema, .foreign: true
    case .unavailable: false
    }
  }
}
