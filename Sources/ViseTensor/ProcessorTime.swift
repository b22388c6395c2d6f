import Glibc

/// Time that was spent on a processor; what else runs on the machine is not in it.
public enum ProcessorTime {
  /// Since the thread started.
  public static var ofThread: Duration { time(CLOCK_THREAD_CPUTIME_ID) }

  /// Of all threads together, since the process started.
  public static var ofProcess: Duration { time(CLOCK_PROCESS_CPUTIME_ID) }

  private static func time(_ clock: clockid_t) -> Duration {
    var time = timespec()
    clock_gettime(clock, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
