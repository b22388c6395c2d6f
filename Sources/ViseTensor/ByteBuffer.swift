/// A block of 64-byte aligned bytes, zero at first, owned by reference.
///
/// Whoever makes a buffer fills it before sharing it, several threads each a part of their own;
/// after that it is only read.
public final class ByteBuffer {
  public let storage: UnsafeMutableRawBufferPointer

  public init(count: Int) {
    precondition(count >= 0)
    storage = .allocate(byteCount: max(count, 1), alignment: 64)
    storage.initializeMemory(as: UInt8.self, repeating: 0)
    self.count = count
  }

  deinit {
    storage.deallocate()
  }

  public let count: Int

  /// The bytes `start ..< start + count`.
  public func slice(_ start: Int, count: Int) -> UnsafeMutableRawBufferPointer {
    precondition(start >= 0 && count >= 0 && start + count <= self.count)
    return UnsafeMutableRawBufferPointer(rebasing: storage[start..<start + count])
  }

  /// All bytes, for reading.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(slice(0, count: count))
  }
}

// SAFETY: Threads write disjoint slices before the buffer is shared, and only read it afterwards.
extension ByteBuffer: @unchecked Sendable {}
