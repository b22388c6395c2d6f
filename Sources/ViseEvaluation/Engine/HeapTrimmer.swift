import Glibc

/// Gives memory that was freed back to the system now and then.
///
/// Treated weights come and go in blocks of about the size the allocator keeps for itself; without
/// this a process holds half as much again as it uses.
struct HeapTrimmer {
  /// Seconds between two of them: one takes milliseconds, in which other threads may have to wait.
  private static let interval = 20

  private var last = now()

  mutating func trimIfDue() {
    let time = Self.now()
    guard time - last >= Self.interval else { return }
    last = time
    _ = Self.trim?(0)
  }

  /// `malloc_trim`, which the headers Swift sees leave out; `nil` where the C library has none.
  private static let trim: (@convention(c) (Int) -> CInt)? = {
    guard let program = dlopen(nil, RTLD_LAZY), let found = dlsym(program, "malloc_trim") else {
      return nil
    }
    return unsafeBitCast(found, to: (@convention(c) (Int) -> CInt).self)
  }()

  private static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return time.tv_sec
  }
}
