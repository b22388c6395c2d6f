import Synchronization

/// Work ended because nobody wants its result any more.
public struct CancelledError: Error, Equatable, Sendable {
  public init() {}
}

/// A switch another thread turns to stop work; loops look at it between operations.
public final class CancellationFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  public init() {}

  public func cancel() {
    flag.store(true, ordering: .relaxed)
  }

  public var isCancelled: Bool { flag.load(ordering: .relaxed) }

  /// Throws `CancelledError` once `cancel` was called.
  @inline(__always)
  public func check() throws(CancelledError) {
    if isCancelled { throw CancelledError() }
  }
}
