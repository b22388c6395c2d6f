import ViseModels
import ViseTensor

/// Finds what kernels cost, from short runs of each.
struct KernelTimer {
  /// Bytes of weights that stay in the caches, and that do not on any common processor.
  private static let cachedFootprint = 2 << 20
  private static let streamedFootprint = 64 << 20

  private let timer: ProductTimer
  private let cancellation: CancellationFlag
  private var watch: ProcessorWatch

  /// Whether nothing else wanted the processors so far.
  var isCalm: Bool { watch.isCalm }

  init(pool: ComputePool, cancellation: CancellationFlag) {
    timer = ProductTimer(pool: pool)
    self.cancellation = cancellation
    watch = ProcessorWatch(threads: pool.threadCount)
  }

  mutating func cost(of kernel: DecodingProduct.Kernel) throws -> KernelCost {
    let wide = DecodingProduct(kernel: kernel, rows: 256, columns: 2048)
    let tall = DecodingProduct(kernel: kernel, rows: 1024, columns: 512)
    let small = DecodingProduct(kernel: kernel, rows: 64, columns: 512)
    func time(
      _ product: DecodingProduct, tokens: Int = 1, _ footprint: Int
    ) throws -> (DecodingProduct, Double) {
      let seconds = try timer.seconds(
        for: product, tokens: tokens, footprint: footprint, watch: &watch,
        cancellation: cancellation)
      return (product, seconds)
    }
    return KernelCost(
      cached: ProductLaw(
        wide: try time(wide, Self.cachedFootprint), tall: try time(tall, Self.cachedFootprint),
        small: try time(small, Self.cachedFootprint)),
      streamed: ProductLaw(
        wide: try time(wide, Self.streamedFootprint),
        tall: try time(tall, Self.streamedFootprint)),
      prompt: ProductLaw(
        wide: try time(wide, tokens: KernelCost.promptLength, 1),
        tall: try time(tall, tokens: KernelCost.promptLength, 1)))
  }

  /// How slow weights of a footprint are read, between those of caches and of memory.
  mutating func cacheCurve() throws -> CacheCurve {
    let product = DecodingProduct(kernel: .packed(.q8_0), rows: 1024, columns: 512)
    return CacheCurve(
      seconds: try CacheCurve.footprints.map {
        try timer.seconds(
          for: product, tokens: 1, footprint: $0, watch: &watch, cancellation: cancellation)
      })
  }
}
