import Glibc
import ViseWorkbench

/// The journal on disk: one line an edit, on disk before the frame that shows it.
///
/// A lock keeps two sessions of one model apart; the second writes a file of its own.
struct JournalFile {
  /// Sessions of one model at the same time.
  private static let slotLimit = 8

  private var descriptor: Int32 = -1
  private(set) var path: String?
  /// The journal the file already held when it was opened.
  private(set) var found: Journal?
  private(set) var problem: String?
  let folder: String

  init(folder: String) {
    self.folder = folder
  }

  /// Opens the first journal of the model that no other session holds.
  mutating func open(fingerprint: String) {
    System.makeFolder(folder)
    let name = Self.fileName(fingerprint)
    for slot in 1...Self.slotLimit {
      let candidate = "\(folder)/\(name)\(slot == 1 ? "" : "-\(slot)").journal"
      let opened = Glibc.open(candidate, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      guard opened >= 0 else {
        problem = "\(candidate): \(System.lastError)"
        return
      }
      if flock(opened, LOCK_EX | LOCK_NB) == 0 {
        descriptor = opened
        path = candidate
        found = Journal(bytes: System.contents(of: opened, limit: 1 << 28))
        return
      }
      close(opened)
    }
    problem = "\(Self.slotLimit) sessions of this model are open"
  }

  /// Drops a last line cut short, so that the next one begins a line of its own.
  mutating func resume() {
    guard let found else { return }
    ftruncate(descriptor, off_t(found.intactByteCount))
  }

  /// Empties the file for a new session; what it held is kept beside it where it was a journal.
  mutating func begin(fingerprint: String, modelPath: String) {
    guard descriptor >= 0, let path else { return }
    if found != nil, let held = System.contents(of: path) {
      Self.replace("\(path).old", with: held)
    }
    ftruncate(descriptor, 0)
    found = nil
    record(.began(fingerprint: fingerprint, path: modelPath))
  }

  /// Appends an entry; it has left the process when this returns.
  mutating func record(_ entry: JournalEntry) {
    guard descriptor >= 0 else { return }
    if !System.write(entry.line + "\n", to: descriptor) {
      problem = "\(path ?? "journal"): \(System.lastError)"
      close(descriptor)
      descriptor = -1
    }
  }

  /// Removes the file.
  mutating func discard() {
    if let path { unlink(path) }
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  /// When the file was last written, as a clock shows it.
  var writtenAt: String {
    var information = stat()
    guard descriptor >= 0, fstat(descriptor, &information) == 0 else { return "some time" }
    return System.clock(information.st_mtim.tv_sec)
  }

  /// A file name of letters and digits only.
  private static func fileName(_ fingerprint: String) -> String {
    let safe = fingerprint.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(64)
    return safe.isEmpty ? "model" : String(safe)
  }

  private static func replace(_ path: String, with bytes: [UInt8]) {
    let temporary = "\(path).new"
    let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    System.write(String(decoding: bytes, as: UTF8.self), to: descriptor)
    close(descriptor)
    rename(temporary, path)
  }
}
