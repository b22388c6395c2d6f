import Glibc

/// The bytes of a tensor: memory of its own, or a part of a mapped file.
///
/// Whoever makes a storage fills it before sharing it; after that it is only read.
public final class TensorStorage {
  public let byteCount: Int
  public let pointer: UnsafeMutableRawPointer
  /// What keeps the bytes where they are not this object's own.
  private let owner: MappedFile?
  private let pool: StoragePool?

  /// 64-byte aligned bytes, undefined at first; they go back to `pool` in the end.
  public init(byteCount: Int, pool: StoragePool? = nil) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    self.pool = pool
    owner = nil
    pointer = pool?.take(byteCount) ?? Self.allocate(byteCount)
  }

  /// The bytes `range` of `file`, which are only read.
  public init(file: MappedFile, range: Range<Int>) {
    byteCount = range.count
    owner = file
    pool = nil
    pointer = file.withBytes(in: range) { bytes in
      bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }
        ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    }
  }

  deinit {
    guard owner == nil else { return }
    if let pool { pool.give(pointer, byteCount: byteCount) } else { pointer.deallocate() }
  }

  static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: max(byteCount, 64), alignment: 64)
  }
}

// SAFETY: A storage is written by one owner before it is shared and only read afterwards.
extension TensorStorage: @unchecked Sendable {}
