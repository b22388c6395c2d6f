import ViseTensor

/// A convolution's sizes, checked: images N × C × spatial, weights M × C/groups × kernel.
struct ConvolutionShape: Sendable {
  let images: Int
  let channels: Int
  let filters: Int
  let groups: Int
  let window: SpatialWindow.Placement

  var channelsPerGroup: Int { channels / groups }
  var filtersPerGroup: Int { filters / groups }
  /// Rows of the column matrix: inputs of one output.
  var depth: Int { channelsPerGroup * window.kernelCount }
  var outputShape: [Int] { [images, filters] + window.outputShape }

  /// Sizes that go together already.
  init(
    images: Int, channels: Int, filters: Int, groups: Int, window: SpatialWindow.Placement
  ) {
    self.images = images
    self.channels = channels
    self.filters = filters
    self.groups = groups
    self.window = window
  }

  init(
    _ x: [Int], weight: [Int], groups: Int, _ window: SpatialWindow
  ) throws(OperatorFault) {
    guard x.count >= 3, weight.count == x.count, groups > 0, x[1] % groups == 0,
      weight[0] % groups == 0, weight[1] == x[1] / groups, weight[0] > 0
    else { throw .shapes("images \(x) with filters \(weight) in \(groups) groups") }
    images = x[0]
    channels = x[1]
    filters = weight[0]
    self.groups = groups
    self.window = try window.placed(on: Array(x[2...]), kernel: Array(weight[2...]))
  }
}
