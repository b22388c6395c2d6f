import Glibc

/// Threads outside Swift's pools.
public enum DedicatedThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }

  private static let stackByteCount = 8 << 20

  /// Runs `body` on a new detached thread that gives way by `niceness`.
  public static func start(niceness: Int32, _ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, stackByteCount)
    defer { pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(
      Body {
        lowerPriority(to: niceness)
        body()
      }
    ).toOpaque()
    let status = pthread_create(
      &thread, &attributes,
      { context in
        guard let context else { return nil }
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    precondition(status == 0, "no thread could be started")
  }

  /// Gives the calling thread `niceness`; Linux keeps it a thread.
  private static func lowerPriority(to niceness: Int32) {
    guard niceness > 0 else { return }
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
  }
}
