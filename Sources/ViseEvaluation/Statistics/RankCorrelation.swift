/// Spearman's ρ: the Pearson correlation of ranks, ties sharing their mean rank.
public func spearmanCorrelation(_ x: [Double], _ y: [Double]) -> Double {
  precondition(x.count == y.count)
  return pearsonCorrelation(ranks(x), ranks(y))
}

/// Pearson's r; not a number where either side does not vary.
func pearsonCorrelation(_ x: [Double], _ y: [Double]) -> Double {
  let count = Double(x.count)
  let meanX = x.reduce(0, +) / count
  let meanY = y.reduce(0, +) / count
  var covariance = 0.0
  var varianceX = 0.0
  var varianceY = 0.0
  for (a, b) in zip(x, y) {
    covariance += (a - meanX) * (b - meanY)
    varianceX += (a - meanX) * (a - meanX)
    varianceY += (b - meanY) * (b - meanY)
  }
  return covariance / (varianceX * varianceY).squareRoot()
}

private func ranks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var result = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for position in start..<end { result[order[position]] = Double(start + end - 1) / 2 }
    start = end
  }
  return result
}
