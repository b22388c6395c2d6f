import ViseCompression

/// A convolution or product whose weight is a site.
struct GraphLayerWork: Sendable {
  let site: Site
  /// Elements of a kernel; 1 of products.
  let kernel: Int
  /// Whether channels are in vectors: a convolution of one group.
  let isVectored: Bool
  /// Groups go with their filters.
  let isGrouped: Bool
  /// Outputs of one filter, and inputs that go with one channel of each group.
  let outputs: Int
  let inputs: Int
  /// Of a convolution, how much fewer places its outputs have along each dimension.
  let strides: [Double]

  func time(rows: Int, columns: Int, kernel: Int, inputs: Int) -> Int {
    guard isVectored else {
      return GraphCost.time(
        macs: rows * columns * outputs,
        floats: columns / kernel * inputs * (isGrouped ? rows : 1) / (isGrouped ? site.rows : 1)
          + rows * outputs)
    }
    let (filters, channels) = (
      GraphCost.whole(rows), GraphCost.wholeInputs(columns / kernel)
    )
    return GraphCost.time(
      macs: filters * channels * kernel * outputs,
      floats: channels * inputs + filters * outputs)
  }

  /// As the file has it.
  var time: Int { time(rows: site.rows, columns: site.columns, kernel: kernel, inputs: inputs) }

  func time(under treatment: Treatment) -> Int {
    let small = treatment.reduced(site)
    if isVectored, let stages = FilterStage.stages(of: treatment.form, small.shape) {
      return time(of: stages)
    }
    guard !isVectored, case .lowRank(let rank) = treatment.form else {
      return time(rows: small.rows, columns: small.columns, kernel: kernel, inputs: inputs)
    }
    return time(rows: rank, columns: small.columns, kernel: kernel, inputs: inputs)
      + time(rows: small.rows, columns: rank, kernel: 1, inputs: outputs)
  }

  var macs: Int { site.rows * site.columns * outputs }

  /// Exact.
  func macs(under treatment: Treatment) -> Int {
    let small = treatment.reduced(site)
    if let stages = FilterStage.stages(of: treatment.form, small.shape) {
      return eachStage(stages) { stage, _, made in
        stage.filters * stage.channels * stage.window.reduce(1, *) * made
      }
    }
    guard !isVectored, !isGrouped, case .lowRank(let rank) = treatment.form else {
      return small.rows * small.columns * outputs
    }
    return rank * (small.rows + small.columns) * outputs
  }

  /// Of convolutions one after the other.
  private func time(of stages: [FilterStage]) -> Int {
    eachStage(stages) { stage, read, made in
      let window = stage.window.reduce(1, *)
      guard !stage.isDepthwise else {
        return GraphCost.time(
          macs: stage.filters * window * made, floats: stage.filters * (read + made))
      }
      let (filters, channels) = (
        GraphCost.whole(stage.filters), GraphCost.wholeInputs(stage.channels)
      )
      return GraphCost.time(
        macs: filters * channels * window * made, floats: channels * read + filters * made)
    }
  }

  /// Sums over stages, each of which reads some places of an image and makes as many as the dimensions
  /// along which it strides leave.
  private func eachStage(
    _ stages: [FilterStage], _ amount: (_ stage: FilterStage, _ read: Int, _ made: Int) -> Int
  ) -> Int {
    var places = Double(inputs)
    var sum = 0
    for stage in stages {
      let read = Int(places.rounded())
      for (stride, isOwn) in zip(strides, stage.axes) where isOwn { places /= stride }
      sum += amount(stage, read, Int(places.rounded()))
    }
    return sum
  }
}
