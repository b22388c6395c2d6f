import Glibc

/// Time the calling thread has spent on a processor; what else runs on the machine is not in it.
public enum ProcessorTime {
  /// Since the thread started.
  public static var ofThread: Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
