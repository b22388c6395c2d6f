import Synchronization
import ViseTensor

/// What the reference made of batches of images, so that plans go on from there.
///
/// Logits are kept of all batches that were run; of the values at cuts those that take least room, as
/// many as the budget holds for all batches. They lie deepest, and so save most.
final class ReferenceCheckpoints: Sendable {
  /// What is kept of one batch.
  struct Batch: Sendable {
    /// Images × classes.
    let logits: [Float]
    /// By cut.
    let values: [Int: Tensor]
  }

  /// The cuts whose values are kept, in the graph's order.
  let cuts: [Int]
  private let batches = Mutex<[Int: Batch]>([:])

  /// - Parameters:
  ///   - sizes: bytes of each cut's value for all images, in the graph's order.
  ///   - byteBudget: bytes that values at cuts may take together.
  init(sizes: [(cut: Int, byteCount: Int)], byteBudget: Int) {
    var left = byteBudget
    var chosen = Set<Int>()
    let order = sizes.indices.sorted {
      (sizes[$0].byteCount, -$0) < (sizes[$1].byteCount, -$1)
    }
    for index in order {
      guard sizes[index].byteCount <= left else { break }
      left -= sizes[index].byteCount
      chosen.insert(sizes[index].cut)
    }
    cuts = sizes.map(\.cut).filter { chosen.contains($0) }
  }

  func batch(_ index: Int) -> Batch? { batches.withLock { $0[index] } }

  func keep(_ batch: Batch, at index: Int) { batches.withLock { $0[index] = batch } }
}
