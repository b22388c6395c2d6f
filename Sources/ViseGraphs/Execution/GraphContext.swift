public import ViseTensor

/// What runs of a graph work with.
public struct GraphContext: Sendable {
  let kernelContext: KernelContext

  /// - Parameters:
  ///   - pool: threads for the operations of one run; `nil` where the caller is one of a pool's.
  ///   - memory: storage that is used again; `nil` asks the system each time.
  ///   - byteLimit: bytes that one value may have.
  public init(
    pool: ComputePool?, memory: StoragePool?, byteLimit: Int,
    cancellation: CancellationFlag = CancellationFlag()
  ) {
    kernelContext = KernelContext(
      pool: memory, work: RowWork(pool: pool, cancellation: cancellation), byteLimit: byteLimit)
  }
}
