import Glibc
import ViseTerminal

/// What is at a path somebody wants to export to.
struct ExportPath {
  let exists: Bool
  /// Why nothing can be written there.
  let problem: String?

  init(_ path: String, modelPath: String, byteCount: Int) {
    var target = stat()
    var model = stat()
    let found = stat(path, &target) == 0
    if found, target.st_mode & S_IFMT == S_IFDIR {
      self.init(exists: true, problem: "this is a folder")
    } else if found, stat(modelPath, &model) == 0, model.st_ino == target.st_ino,
      model.st_dev == target.st_dev
    {
      self.init(exists: true, problem: "this is the model being edited")
    } else {
      self.init(exists: found, problem: Self.folderProblem(path, byteCount: byteCount))
    }
  }

  private init(exists: Bool, problem: String?) {
    self.exists = exists
    self.problem = problem
  }

  private static func folderProblem(_ path: String, byteCount: Int) -> String? {
    let folder =
      path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard access(folder, W_OK) == 0 else { return "\(folder): \(System.lastError)" }
    var disk = statvfs()
    guard statvfs(folder, &disk) == 0 else { return nil }
    let free = disk.f_bavail.multipliedReportingOverflow(by: disk.f_frsize)
    guard !free.overflow, free.partialValue < UInt(max(byteCount, 0)) else { return nil }
    return "only \(free.partialValue) bytes are free there, \(byteCount) are needed"
  }
}
