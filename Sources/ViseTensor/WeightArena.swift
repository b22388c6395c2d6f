import Glibc
import Synchronization

/// Room for many weights one after the other, in large pages where the system has them.
///
/// Weights that are read from end to end for each token cost fewer address translations this way.
public final class WeightArena: Sendable {
  /// Bytes of an arena, zero at first, 64-byte aligned; keeps their pages alive.
  struct Slice: Sendable {
    fileprivate let chunk: Chunk
    fileprivate let start: Int
    let count: Int

    var bytes: UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(rebasing: chunk.bytes[start..<start + count])
    }
  }

  fileprivate final class Chunk: Sendable {
    // SAFETY: Slices are disjoint; each is filled before it is shared and only read afterwards.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
      let pages = mmap(
        nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | Int32(MAP_ANONYMOUS), -1, 0)
      guard let pages, pages != MAP_FAILED else { preconditionFailure("out of memory") }
      madvise(pages, count, Int32(MADV_HUGEPAGE))
      bytes = UnsafeMutableRawBufferPointer(start: pages, count: count)
    }

    deinit {
      munmap(bytes.baseAddress, bytes.count)
    }
  }

  private struct State {
    var chunk: Chunk?
    var used = 0
  }

  /// Address space taken at a time; pages that are not written cost nothing.
  private static let chunkByteCount = 64 << 20

  private let state = Mutex(State())

  public init() {}

  func allocate(_ count: Int) -> Slice {
    state.withLock { state in
      if let chunk = state.chunk, state.used + count <= chunk.bytes.count {
        defer { state.used += (count + 63) / 64 * 64 }
        return Slice(chunk: chunk, start: state.used, count: count)
      }
      let chunk = Chunk(count: max(count, Self.chunkByteCount))
      state = State(chunk: chunk, used: (count + 63) / 64 * 64)
      return Slice(chunk: chunk, start: 0, count: count)
    }
  }
}
