import Glibc

/// A lock between processes, which the system frees with the process that holds it.
final class StoreLock: Sendable {
  private let descriptor: Int32

  /// Locks the file at `path`, which is made where it is missing; `nil` where that fails.
  init?(file path: String) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    if descriptor < 0 { return nil }
  }

  /// Locks a folder.
  init?(folder path: String) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { return nil }
  }

  deinit {
    close(descriptor)
  }

  /// Waits until nobody holds the lock alone.
  func share() { while flock(descriptor, LOCK_SH) != 0, errno == EINTR {} }

  /// Waits until nobody else holds the lock.
  func takeAlone() { while flock(descriptor, LOCK_EX) != 0, errno == EINTR {} }

  /// True once nobody else holds the lock; false, and not held at all, where somebody does.
  func tryToTakeAlone() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
}
