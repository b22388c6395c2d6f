import ViseCompression
import ViseFormats

/// One of the convolutions, run one after the other, that a convolution of one group becomes.
struct FilterStage {
  /// The part of the weight's form that holds its filters.
  let part: String
  let filters: Int
  /// Inputs of one filter: 1 where each channel has a filter of its own.
  let channels: Int
  /// Of each dimension, whether the layer's window, stride and padding along it are this stage's.
  let axes: [Bool]
  let isDepthwise: Bool
  private let kernel: [Int]

  init(
    _ part: String, filters: Int, channels: Int, along axes: (Int) -> Bool, kernel: [Int],
    isDepthwise: Bool = false
  ) {
    self.part = part
    self.filters = filters
    self.channels = channels
    self.kernel = kernel
    self.axes = kernel.indices.map(axes)
    self.isDepthwise = isDepthwise
  }

  /// The extents of its windows.
  var window: [Int] { zip(kernel, axes).map { $1 ? $0 : 1 } }

  /// The stages of a convolution whose weight has `form`, first to last; `nil` where it has none.
  ///
  /// A rank's are its rows as filters, then 1 × 1 (Zhang et al., "Accelerating Very Deep Convolutional
  /// Networks for Classification and Detection", 2015, section 3.1); those of tensor decompositions are what
  /// the decompositions say of themselves.
  static func stages(of form: SiteForm, _ shape: WeightShape) -> [FilterStage]? {
    let kernel = shape.kernel
    guard !kernel.isEmpty else { return nil }
    let parts = Dictionary(
      form.parts(of: shape).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func stage(_ name: String, reading channels: Int, along axes: (Int) -> Bool) -> FilterStage? {
      parts[name].map {
        FilterStage(name, filters: $0.rows, channels: channels, along: axes, kernel: kernel)
      }
    }
    let filters = parts.mapValues(\.rows)
    switch form {
    case .lowRank(let rank):
      return [
        stage("right", reading: shape.inputs) { _ in true },
        stage("left", reading: rank) { _ in false },
      ].compactMap { $0 }
    case .structured(.tensor(let decomposition)):
      let first = stage("inputs", reading: shape.inputs) { _ in false }
      switch decomposition.kind {
      case .tucker:
        return [
          first, stage("core", reading: filters["inputs"] ?? 0) { _ in true },
          stage("outputs", reading: filters["core"] ?? 0) { _ in false },
        ].compactMap { $0 }
      case .separable:
        return [
          stage("axis0", reading: shape.inputs) { $0 == 0 },
          stage("axis1", reading: filters["axis0"] ?? 0) { $0 == 1 },
        ].compactMap { $0 }
      case .train, .canonical:
        var stages = [first].compactMap { $0 }
        for axis in kernel.indices {
          let before = stages.last?.filters ?? 0
          let isDepthwise = decomposition.kind == .canonical
          stages.append(
            FilterStage(
              "axis\(axis)", filters: filters["axis\(axis)"] ?? 0,
              channels: isDepthwise ? 1 : before, along: { $0 == axis }, kernel: kernel,
              isDepthwise: isDepthwise))
        }
        let last = stage("outputs", reading: stages.last?.filters ?? 0) { _ in false }
        return stages + [last].compactMap { $0 }
      case .hierarchical: return nil
      }
    default: return nil
    }
  }

  /// The attributes of the stage, of a layer with those of `node`.
  func attributes(of node: ONNXNode) -> [String: ONNXAttribute] {
    var attributes = node.attributes
    attributes["kernel_shape"] = .ints(window.map { Int64($0) })
    for key in ["strides", "dilations"] {
      guard case .ints(let values) = node.attributes[key], values.count == axes.count else {
        continue
      }
      attributes[key] = .ints(zip(values, axes).map { $1 ? $0 : 1 })
    }
    if case .ints(let pads) = node.attributes["pads"], pads.count == 2 * axes.count {
      attributes["pads"] = .ints(zip(pads, axes + axes).map { $1 ? $0 : 0 })
    }
    if !axes.contains(true) { attributes["auto_pad"] = nil }
    attributes["group"] = isDepthwise ? .int(Int64(filters)) : nil
    return attributes
  }
}
