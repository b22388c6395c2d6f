import Glibc

/// A folder under construction, beside its final place until `commit` renames it there.
///
/// A folder that exists already is written into where replacing was asked for, file by file.
/// Dropping a new one without a commit removes it with the files in it.
public final class ExportFolder {
  private let path: String
  private let temporaryPath: String?
  private var files: [String] = []
  private var isDone = false

  public init(path: String, replacing: Bool) throws(WriteError) {
    self.path = path
    if isDirectory(path) {
      guard replacing else { throw .alreadyExists(path: path) }
      temporaryPath = nil
      return
    }
    if fileExists(path) { throw .alreadyExists(path: path) }
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).part"
    guard mkdir(temporary, 0o755) == 0 else { throw .cannotCreate(path: path, code: errno) }
    temporaryPath = temporary
  }

  deinit {
    guard let temporaryPath, !isDone else { return }
    for file in files { unlink(file) }
    rmdir(temporaryPath)
  }

  /// Where to write the file called `name`.
  public func file(_ name: String) -> String {
    let file = (temporaryPath ?? path) + "/" + name
    files.append(file)
    return file
  }

  /// Puts the folder in its place.
  public func commit() throws(WriteError) {
    if let temporaryPath {
      guard rename(temporaryPath, path) == 0 else { throw .cannotRename(path: path, code: errno) }
    }
    isDone = true
  }
}
