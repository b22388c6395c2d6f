import ViseCompression

/// Which channel each element of a weight reads, and which it makes.
struct WeightChannels {
  let outputs: Int
  let inputs: Int
  /// Elements for one output and one input: the places of a filter, or those a flattened image has
  /// for each channel.
  let inner: Int
  /// Outputs of one group read the inputs of that group alone.
  let groups: Int
  /// Whether the file has inputs × outputs.
  let isInputFirst: Bool

  /// - Parameter channels: the channels the site reads; `nil` takes a linear layer's columns.
  /// - Returns: `nil` for operations other than convolutions and linear layers, and where the shape
  ///   has not that many channels.
  init?(_ site: GraphSite, groups: Int, channels: Int?) {
    let shape = site.shape
    self.groups = groups
    isInputFirst = site.isTransposed
    outputs = site.site.rows
    switch site.site.role {
    case .convolution, .depthwiseConvolution:
      inputs = shape[1] * groups
      inner = shape.dropFirst(2).reduce(1, *)
      guard groups > 0, outputs % groups == 0, channels ?? inputs == inputs else { return nil }
    case .linear:
      inputs = channels ?? site.site.columns
      guard inputs > 0, site.site.columns % inputs == 0 else { return nil }
      inner = site.site.columns / inputs
    default: return nil
    }
  }

  /// Calls `body` with each element's place in the file and its channels.
  func forEach(_ body: (_ index: Int, _ output: Int, _ input: Int) -> Void) {
    var index = 0
    if isInputFirst {
      for input in 0..<inputs {
        for _ in 0..<inner {
          for output in 0..<outputs {
            body(index, output, input)
            index += 1
          }
        }
      }
      return
    }
    let perGroup = (outputs: outputs / groups, inputs: inputs / groups)
    for output in 0..<outputs {
      let first = output / perGroup.outputs * perGroup.inputs
      for input in first..<first + perGroup.inputs {
        for _ in 0..<inner {
          body(index, output, input)
          index += 1
        }
      }
    }
  }
}
