import Glibc

extension TrialStore {
  /// What the file in a store's folder is called.
  public static let fileName = "trials.sqlite"

  /// The user's folder below `$XDG_STATE_HOME`; `nil` without a home, or where `$VISE_TRIALS` is
  /// `off`.
  public static func standardFolder() -> String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    guard variable("VISE_TRIALS") != "off" else { return nil }
    let state = variable("XDG_STATE_HOME") ?? variable("HOME").map { $0 + "/.local/state" }
    return state.map { $0 + "/vise" }
  }

  /// The store in `folder`, which is made where it is missing; `nil` where none can be had.
  ///
  /// A file that is damaged, newer or not ours is renamed, and a fresh one takes its place, unless
  /// another process uses it. `report` gets every fault with the path the file was moved to.
  public static func open(
    folder: String, report: (TrialStoreError, _ movedTo: String?) -> Void
  ) -> TrialStore? {
    makeFolder(folder)
    let path = "\(folder)/\(fileName)"
    // One process at a time opens, so that two never move the same file.
    let opening = StoreLock(folder: folder)
    opening?.takeAlone()
    defer { withExtendedLifetime(opening) {} }
    let use = StoreLock(file: path + ".lock")
    use?.share()
    do {
      return try TrialStore(path: path, lock: use)
    } catch  where error.isOfTheFile {
      guard let target = moveAside(path, use) else {
        report(error, nil)
        return nil
      }
      report(error, target)
    } catch {
      report(error, nil)
      return nil
    }
    do {
      return try TrialStore(path: path, lock: use)
    } catch {
      report(error, nil)
      return nil
    }
  }

  /// Renames the database; `nil` where another process uses it or the folder cannot be written.
  private static func moveAside(_ path: String, _ use: StoreLock?) -> String? {
    guard let use, use.tryToTakeAlone() else { return nil }
    defer { use.share() }
    let target = freeName(path)
    guard rename(path, target) == 0 else { return nil }
    for suffix in ["-wal", "-shm"] { rename(path + suffix, target + suffix) }
    return target
  }

  /// A name nothing has yet.
  private static func freeName(_ path: String) -> String {
    var number = 1
    while access("\(path).aside-\(number)", F_OK) == 0 { number += 1 }
    return "\(path).aside-\(number)"
  }

  private static func makeFolder(_ folder: String) {
    var path = folder.hasPrefix("/") ? "" : "."
    for part in folder.split(separator: "/") {
      path += "/" + part
      mkdir(path, 0o700)
    }
  }
}
