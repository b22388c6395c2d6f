/// A block of 64-byte aligned floats, owned by reference.
///
/// Whoever makes a buffer fills it before sharing it; after that it is only read. Kernels take
/// the pointer, so bounds are checked by their Swift callers.
public final class FloatBuffer {
  public let count: Int
  public let pointer: UnsafeMutablePointer<Float>

  /// Makes room for `count` floats, whose values are undefined.
  public init(count: Int) {
    precondition(count >= 0)
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  deinit {
    UnsafeMutableRawPointer(pointer).deallocate()
  }

  public var byteCount: Int { count * MemoryLayout<Float>.stride }
}

// SAFETY: A buffer is written by one thread before it is shared and only read afterwards; the
// pools that reuse buffers hand each to one thread at a time.
extension FloatBuffer: @unchecked Sendable {}
