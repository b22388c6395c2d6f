import Synchronization
import ViseTensor

/// A convolution's filters as the kernels read them: blocks of sixteen, each depth × 16.
///
/// Depth goes over the kernel's rows, its columns, and the channels of a pixel, in this order.
/// Filters that fill a group's last block up are zero.
struct PackedFilters: Sendable {
  private let buffer: FloatBuffer
  let blocksPerGroup: Int

  init(_ weight: Tensor, _ shape: ConvolutionShape) {
    let block = ConvolutionKernels.filterBlock
    let (kernel, channels) = (shape.window.kernelCount, shape.channelsPerGroup)
    blocksPerGroup = (shape.filtersPerGroup + block - 1) / block
    buffer = FloatBuffer(count: shape.groups * blocksPerGroup * shape.depth * block)
    let (source, target) = (weight.pointer(Float.self), buffer.pointer)
    for group in 0..<shape.groups {
      for slot in 0..<blocksPerGroup * block {
        let place =
          target + (group * blocksPerGroup + slot / block) * shape.depth * block + slot % block
        let isFilter = slot < shape.filtersPerGroup
        let row = source + (group * shape.filtersPerGroup + (isFilter ? slot : 0)) * shape.depth
        for element in 0..<kernel {
          for channel in 0..<channels {
            place[(element * channels + channel) * block] =
              isFilter ? row[channel * kernel + element] : 0
          }
        }
      }
    }
  }

  /// The weights of a group's blocks.
  func blocks(of group: Int, depth: Int) -> UnsafePointer<Float> {
    UnsafePointer(
      buffer.pointer + group * blocksPerGroup * depth * ConvolutionKernels.filterBlock)
  }
}

/// The packed filters of the weights a convolution met last: the file's, and a plan's.
final class FilterCache: Sendable {
  private struct Entry {
    /// Keeps the weight alive, so that another never has its address.
    let weight: TensorStorage
    let filters: PackedFilters
  }

  private static let limit = 2
  private let entries = Mutex<[Entry]>([])

  func filters(of weight: Tensor, _ shape: ConvolutionShape) -> PackedFilters {
    entries.withLock { entries in
      if let known = entries.first(where: { $0.weight === weight.storage }) {
        return known.filters
      }
      let filters = PackedFilters(weight, shape)
      entries = entries.suffix(Self.limit - 1) + [Entry(weight: weight.storage, filters: filters)]
      return filters
    }
  }
}

/// What is done to a convolution's sums on their way out: act(sum · factor + shift + more).
struct ConvolutionFinish: Sendable {
  /// By filter; none is 1 everywhere.
  var factors: [Float] = []
  /// By filter; none is 0 everywhere.
  var shifts: [Float] = []
  /// A tensor of the result's shape.
  var more: Tensor?
  var rectifies = false

  var isNothing: Bool { factors.isEmpty && shifts.isEmpty && more == nil && !rectifies }

  /// Whether what is added has the shape of the result.
  func fits(_ shape: ConvolutionShape) -> Bool {
    more.map { $0.shape == shape.outputShape && $0.type == .float32 } ?? true
  }

  /// In place, for sums that lie as the result does.
  func apply(to result: Tensor, _ shape: ConvolutionShape) {
    guard !isNothing else { return }
    let length = shape.window.outputCount
    for plane in 0..<shape.images * shape.filters {
      let filter = plane % shape.filters
      let (factor, shift) = (
        factors.isEmpty ? 1 : factors[filter], shifts.isEmpty ? 0 : shifts[filter]
      )
      let target = result.pointer(Float.self) + plane * length
      let added = more.map { $0.pointer(Float.self) + plane * length }
      for i in 0..<length {
        let value = target[i] * factor + shift + (added?[i] ?? 0)
        target[i] = rectifies && value < 0 ? 0 : value
      }
    }
  }
}
