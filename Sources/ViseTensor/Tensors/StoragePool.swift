import Synchronization

/// Memory that tensors of a run use again and again, so that none is asked of the system anew.
public final class StoragePool: Sendable {
  private struct Free: @unchecked Sendable {
    // SAFETY: Blocks in the list belong to the pool alone.
    var blocks: [Int: [UnsafeMutableRawPointer]] = [:]
    var byteCount = 0
  }

  private let free = Mutex(Free())
  private let byteLimit: Int

  /// - Parameter byteLimit: bytes kept that nobody uses.
  public init(byteLimit: Int) {
    self.byteLimit = byteLimit
  }

  deinit {
    free.withLock { $0.blocks.values.joined().forEach { $0.deallocate() } }
  }

  func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    free.withLock { free in
      guard let block = free.blocks[byteCount]?.popLast() else { return nil }
      free.byteCount -= byteCount
      return block
    }
  }

  func give(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    let isKept = free.withLock { free in
      guard free.byteCount + byteCount <= byteLimit else { return false }
      free.blocks[byteCount, default: []].append(block)
      free.byteCount += byteCount
      return true
    }
    if !isKept { block.deallocate() }
  }
}
