import Glibc
import Testing

/// Waiting for the loop itself, where the screen alone does not tell that all is done.
extension PtySession {
  /// Sends one key and reads until the loop has shown all that came of it.
  func press(_ key: String) -> Bool {
    readIdle()
    send(key)
    return waitUntilIdle()
  }

  /// Reads until the loop says that it has shown all that happened.
  func waitUntilIdle() -> Bool {
    while true {
      var descriptors = [
        pollfd(fd: terminal, events: Int16(POLLIN), revents: 0),
        pollfd(fd: idle, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&descriptors, 2, Self.deadlineSeconds * 1000) > 0 else { return false }
      if descriptors[0].revents != 0, !readOnce(milliseconds: 0) { return false }
      if descriptors[1].revents != 0 {
        readIdle()
        return true
      }
    }
  }

  private func readIdle() {
    var bytes = [UInt8](repeating: 0, count: 1 << 12)
    while read(idle, &bytes, bytes.count) > 0 {}
  }

  /// Whether the kernel tells what a process waits for.
  static var canSeeWaits: Bool {
    let file = open("/proc/self/syscall", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    close(file)
    return true
  }

  /// Waits until the main thread sleeps without a time limit: then nothing wakes it but a key, a
  /// signal or the engine, and it writes nothing.
  func waitForRest() -> Bool {
    var start = timespec()
    clock_gettime(CLOCK_MONOTONIC, &start)
    while !sleepsForEver {
      while readOnce(milliseconds: 0) {}
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      guard now.tv_sec - start.tv_sec < Int(Self.deadlineSeconds) else { return false }
      sched_yield()
    }
    return true
  }

  /// Whether the system call the main thread is in is a `poll` without a time limit.
  private var sleepsForEver: Bool {
    guard let file = fopen("/proc/\(process)/task/\(process)/syscall", "r") else { return false }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = fread(&bytes, 1, bytes.count, file)
    let words = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    guard words.count > 3 else { return false }
    #if arch(x86_64)
      return words[0] == "7" && words[3].hasSuffix("ffffffff")
    #else
      // `ppoll`, whose limit is behind a pointer.
      return words[0] == "73" && words[3] == "0x0"
    #endif
  }
}
