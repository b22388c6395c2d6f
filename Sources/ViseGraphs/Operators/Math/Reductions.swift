import Glibc
import ViseTensor

/// Sums, means, extremes and norms over axes.
enum ReductionOperators {
  static let all: [OperatorDefinition] = Reduction.allCases.flatMap { kind in
    [
      OperatorDefinition(kind.rawValue, opsets: 1...(kind.lastWithAttribute)) { node in
        let axes = try node.ints("axes")
        let keeps = try node.flag("keepdims", default: true)
        return { [try reduce(kind, $0.required(0), axes: axes, keeps: keeps, $1)] }
      },
      OperatorDefinition(kind.rawValue, opsets: (kind.lastWithAttribute + 1)...1000) { node in
        let keeps = try node.flag("keepdims", default: true)
        let keepsAll = try node.flag("noop_with_empty_axes")
        return { inputs, context in
          let axes = try inputs.integers(1) ?? []
          let x = try inputs.required(0)
          if axes.isEmpty, keepsAll { return [try unreduced(kind, x, context)] }
          return [
            try reduce(kind, x, axes: axes.isEmpty ? nil : axes, keeps: keeps, context)
          ]
        }
      },
    ]
  }

  /// Each element is reduced by itself, as an empty list of axes asks for.
  private static func unreduced(
    _ kind: Reduction, _ x: Tensor, _ context: KernelContext
  ) throws -> Tensor {
    try reduce(kind, x.reshaped(x.shape + [1]), axes: [x.rank], keeps: false, context)
  }

  /// - Parameter axes: `nil` for all.
  static func reduce(
    _ kind: Reduction, _ x: Tensor, axes: [Int]?, keeps: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let layout = try ReductionLayout(x.shape, axes: axes, keeps: keeps)
    let result = try context.make(x.type, layout.shape)
    try x.type.dispatch(ReduceVisitor(kind: kind, x: x, result: result, layout: layout))
    return result
  }
}

/// What is computed of the elements that become one.
enum Reduction: String, CaseIterable, Sendable {
  case sum = "ReduceSum"
  case mean = "ReduceMean"
  case max = "ReduceMax"
  case min = "ReduceMin"
  case product = "ReduceProd"
  case l1 = "ReduceL1"
  case l2 = "ReduceL2"
  case logSum = "ReduceLogSum"
  case logSumExp = "ReduceLogSumExp"
  case sumSquare = "ReduceSumSquare"

  /// The last opset in which the axes are an attribute.
  var lastWithAttribute: Int { self == .sum ? 12 : 17 }
}

/// Which elements of a tensor become one.
struct ReductionLayout {
  /// Of the result.
  let shape: [Int]
  /// Where the elements of the result's element i begin, and how they go on from there.
  let starts: StridedWalk
  let inner: StridedWalk
  let length: Int

  init(_ shape: [Int], axes: [Int]?, keeps: Bool) throws(OperatorFault) {
    var isReduced = [Bool](repeating: axes == nil, count: shape.count)
    for axis in axes ?? [] { isReduced[try normalizedAxis(axis, rank: shape.count)] = true }
    let strides = rowMajorStrides(shape)
    let kept = shape.indices.filter { !isReduced[$0] }
    let reduced = shape.indices.filter { isReduced[$0] }
    self.shape = shape.indices.compactMap { isReduced[$0] ? (keeps ? 1 : nil) : shape[$0] }
    starts = StridedWalk(shape: kept.map { shape[$0] }, strides: [kept.map { strides[$0] }])
    inner = StridedWalk(
      shape: reduced.map { shape[$0] }, strides: [reduced.map { strides[$0] }])
    length = reduced.reduce(1) { $0 * shape[$1] }
  }

  /// Calls `body` with each element's index in the result and its first place in the source.
  @inline(__always)
  func forEachResult(_ body: (Int, Int) throws -> Void) rethrows {
    let (run, step) = (starts.innerLength, starts.innerStride(0))
    try starts.forEachRun { index, places in
      for i in 0..<run { try body(index * run + i, places[0] + i * step) }
    }
  }

  /// Calls `body` with the places, from the first, of all elements that become one.
  @inline(__always)
  func forEachElement(_ body: (Int) -> Void) {
    let (run, step) = (inner.innerLength, inner.innerStride(0))
    inner.forEachRun { _, places in
      for i in 0..<run { body(places[0] + i * step) }
    }
  }
}

private struct ReduceVisitor: NumberVisitor {
  let kind: Reduction
  let x: Tensor
  let result: Tensor
  let layout: ReductionLayout

  func visit<T: TensorNumber>(_: T.Type) throws {
    switch kind {
    case .sum: sums { $0 }
    case .mean: sums({ $0 }, finish: { $0 / Double(layout.length) })
    case .l1: sums { abs($0) }
    case .sumSquare: sums { $0 * $0 }
    case .l2: sums({ $0 * $0 }, finish: { $0.squareRoot() })
    case .logSum: sums({ $0 }, finish: { log($0) })
    case .product: fold(T(nearest: 1)) { T.wrappingMultiply($0, $1) }
    case .max: fold(extreme(T.self, isLow: true)) { larger($0, $1) }
    case .min: fold(extreme(T.self, isLow: false)) { smaller($0, $1) }
    case .logSumExp: logSumExp()
    }

    func sums(
      _ term: (Double) -> Double, finish: (Double) -> Double = { $0 }
    ) {
      let (source, target) = (x.pointer(T.self), result.pointer(T.self))
      layout.forEachResult { index, start in
        var total = 0.0
        layout.forEachElement { total += term((source + start)[$0].asDouble) }
        target[index] = truncated(finish(total))
      }
    }

    func fold(_ initial: T, _ body: (T, T) -> T) {
      let (source, target) = (x.pointer(T.self), result.pointer(T.self))
      layout.forEachResult { index, start in
        var total = initial
        layout.forEachElement { total = body(total, (source + start)[$0]) }
        target[index] = total
      }
    }

    func logSumExp() {
      let (source, target) = (x.pointer(T.self), result.pointer(T.self))
      layout.forEachResult { index, start in
        var top = -Double.infinity
        layout.forEachElement { top = Swift.max(top, (source + start)[$0].asDouble) }
        let shift = top.isFinite ? top : 0
        var total = 0.0
        layout.forEachElement { total += exp((source + start)[$0].asDouble - shift) }
        target[index] = truncated(log(total) + shift)
      }
    }

    /// Integers lose their fraction, as integer division does.
    func truncated(_ value: Double) -> T {
      x.type.isFloating ? T(nearest: value) : T(nearest: value.rounded(.towardZero))
    }
  }

  /// What no element is below (or above).
  private func extreme<T: TensorNumber>(_: T.Type, isLow: Bool) -> T {
    if x.type == .bool { return T(nearest: isLow ? 0 : 1) }
    return T(nearest: isLow ? -.infinity : .infinity)
  }
}
