import Synchronization
public import ViseModels
public import ViseTensor

/// What kernels cost on this machine, timed when first asked for and kept on disk.
public final class MachineCosts: Sendable {
  private struct State {
    var kernels: [DecodingProduct.Kernel: KernelCost] = [:]
    var curve: CacheCurve?
    var revision = 0
  }

  private let pool: ComputePool
  private let files: MachineFiles?
  private let state = Mutex(State())

  public init(pool: ComputePool, files: MachineFiles? = nil) {
    self.pool = pool
    self.files = files
    let curve = files?.values(
      "cache curve", threads: pool.threadCount, count: CacheCurve.footprints.count)
    state.withLock { $0.curve = curve.flatMap(CacheCurve.init(shares:)) }
  }

  public var threadCount: Int { pool.threadCount }

  /// All that is known; no curve until the first kernel was timed; the revision counts changes.
  var known: (kernels: [DecodingProduct.Kernel: KernelCost], curve: CacheCurve?, revision: Int) {
    state.withLock { ($0.kernels, $0.curve, $0.revision) }
  }

  public func cost(of kernel: DecodingProduct.Kernel) -> KernelCost? {
    state.withLock { $0.kernels[kernel] }
  }

  /// Times `kernel`, a third of a second, unless that was done before.
  @discardableResult
  public func measure(
    _ kernel: DecodingProduct.Kernel, cancellation: CancellationFlag
  ) throws -> KernelCost {
    if let known = cost(of: kernel) { return known }
    let threads = pool.threadCount
    var timer = KernelTimer(pool: pool, cancellation: cancellation)
    if state.withLock({ $0.curve == nil }) {
      let curve = try timer.cacheCurve()
      if timer.isCalm { files?.setValues(curve.shares, "cache curve", threads: threads) }
      state.withLock { $0.curve = curve }
    }
    let stored = files?.values(kernel.name, threads: threads, count: KernelCost.valueCount)
    let cost: KernelCost
    if let found = stored.flatMap(KernelCost.init(values:)) {
      cost = found
    } else {
      cost = try timer.cost(of: kernel)
      if timer.isCalm { files?.setValues(cost.values, kernel.name, threads: threads) }
    }
    state.withLock {
      $0.kernels[kernel] = cost
      $0.revision += 1
    }
    return cost
  }
}
