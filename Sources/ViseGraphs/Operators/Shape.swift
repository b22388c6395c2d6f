import ViseTensor

/// Row-major distances between neighbours along each dimension.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in stride(from: shape.count - 2, through: 0, by: -1) {
    strides[axis] = strides[axis + 1] * shape[axis + 1]
  }
  return strides
}

/// The shape that `shapes` broadcast to, aligned at their last dimensions.
func broadcastShape(_ shapes: [[Int]]) throws(OperatorFault) -> [Int] {
  let rank = shapes.map(\.count).max() ?? 0
  var result = [Int](repeating: 1, count: rank)
  for shape in shapes {
    for (offset, dimension) in shape.reversed().enumerated() {
      let axis = rank - 1 - offset
      guard result[axis] == dimension || dimension == 1 || result[axis] == 1 else {
        throw .shapes("shapes \(shapes) do not broadcast")
      }
      if result[axis] == 1 { result[axis] = dimension }
    }
  }
  return result
}

/// The distances to walk a tensor of `shape` along the dimensions of `target`; 0 where it repeats.
func broadcastStrides(_ shape: [Int], to target: [Int]) -> [Int] {
  let own = rowMajorStrides(shape)
  let shift = target.count - shape.count
  return target.indices.map { axis in
    let place = axis - shift
    return place < 0 || shape[place] == 1 ? 0 : own[place]
  }
}

/// A walk over a box with a place of its own in each of several tensors.
///
/// Dimensions that all tensors walk evenly are joined, so that inner loops are long.
struct StridedWalk {
  /// Lengths, outermost first; the last is the inner loop.
  private(set) var lengths: [Int] = []
  /// By tensor, distances along `lengths`.
  private(set) var strides: [[Int]]

  init(shape: [Int], strides given: [[Int]]) {
    strides = given.map { _ in [] }
    for axis in shape.indices where shape[axis] != 1 {
      let isJoined =
        !lengths.isEmpty
        && given.indices.allSatisfy {
          (strides[$0].last ?? 0) == given[$0][axis] * shape[axis]
        }
      if isJoined {
        lengths[lengths.count - 1] *= shape[axis]
        for index in given.indices { strides[index][lengths.count - 1] = given[index][axis] }
      } else {
        lengths.append(shape[axis])
        for index in given.indices { strides[index].append(given[index][axis]) }
      }
    }
    if lengths.isEmpty {
      lengths = [1]
      for index in given.indices { strides[index] = [1] }
    }
  }

  var innerLength: Int { lengths[lengths.count - 1] }

  func innerStride(_ tensor: Int) -> Int { strides[tensor][lengths.count - 1] }

  /// Calls `body` with the places of the first element of each inner run, in row-major order.
  @inline(__always)
  func forEachRun(_ body: (_ run: Int, _ places: [Int]) throws -> Void) rethrows {
    guard !lengths.contains(0) else { return }
    var places = [Int](repeating: 0, count: strides.count)
    var counters = [Int](repeating: 0, count: lengths.count)
    var run = 0
    while true {
      try body(run, places)
      run += 1
      var axis = lengths.count - 2
      while axis >= 0 {
        counters[axis] += 1
        for index in places.indices { places[index] += strides[index][axis] }
        if counters[axis] < lengths[axis] { break }
        for index in places.indices { places[index] -= strides[index][axis] * lengths[axis] }
        counters[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
