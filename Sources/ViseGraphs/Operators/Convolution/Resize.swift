import Glibc
import ViseTensor

/// Resize and its forerunner Upsample: nearest, linear and cubic interpolation, axis by axis.
enum ResizeOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Upsample", opsets: 9...1000) { node in
      let resize = try Resize(node, isUpsample: true)
      return { inputs, context in
        [
          try resize.run(
            inputs.required(0), scales: floats(inputs, 1), sizes: nil, roi: nil, context)
        ]
      }
    },
    OperatorDefinition("Resize", opsets: 10...10) { node in
      let resize = try Resize(node, isUpsample: true)
      return { inputs, context in
        [
          try resize.run(
            inputs.required(0), scales: floats(inputs, 1), sizes: nil, roi: nil, context)
        ]
      }
    },
    OperatorDefinition("Resize", opsets: 11...1000) { node in
      let resize = try Resize(node, isUpsample: false)
      return { inputs, context in
        [
          try resize.run(
            inputs.required(0), scales: floats(inputs, 2), sizes: inputs.integers(3),
            roi: floats(inputs, 1), context)
        ]
      }
    },
  ]

  private static func floats(_ inputs: KernelInputs, _ index: Int) throws -> [Double]? {
    guard let tensor = inputs[index], tensor.count > 0 else { return nil }
    switch tensor.type {
    case .float32: return tensor.values(Float.self).map { Double($0) }
    case .float64: return tensor.values(Double.self)
    default: throw OperatorFault.unsupportedType(input: index, tensor.type)
    }
  }
}

/// Interpolation of one tensor; see the ONNX specification of Resize for the coordinates.
private struct Resize: Sendable {
  private let mode: String
  private let coordinates: String
  private let nearest: String
  private let cubic: Double
  private let excludesOutside: Bool
  private let extrapolation: Float
  private let antialias: Bool
  private let axes: [Int]?
  private let policy: String

  init(_ node: NodeDescription, isUpsample: Bool) throws(OperatorFault) {
    let mode = try node.string("mode", default: "nearest")
    self.mode = mode == "bilinear" || mode == "trilinear" ? "linear" : mode
    guard ["nearest", "linear", "cubic"].contains(self.mode) else { throw .attribute("mode") }
    coordinates = try node.string(
      "coordinate_transformation_mode", default: isUpsample ? "asymmetric" : "half_pixel")
    nearest = try node.string(
      "nearest_mode", default: isUpsample ? "floor" : "round_prefer_floor")
    cubic = Double(try node.float("cubic_coeff_a", default: -0.75))
    excludesOutside = try node.flag("exclude_outside")
    extrapolation = try node.float("extrapolation_value", default: 0)
    antialias = try node.flag("antialias")
    axes = try node.ints("axes")
    policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
  }

  /// What makes one output along an axis: weighted inputs, or the extrapolation value.
  private struct Taps {
    var places: [Int] = []
    var weights: [Double] = []
    var isOutside = false
  }

  func run(
    _ x: Tensor, scales: [Double]?, sizes: [Int]?, roi: [Double]?, _ context: KernelContext
  ) throws -> Tensor {
    let source = x.type == .float32 ? x : try TypeConversion.convert(x, to: .float32, context)
    let axes = try axes?.map { try normalizedAxis($0, rank: x.rank) } ?? Array(x.shape.indices)
    guard scales?.count ?? sizes?.count == axes.count, x.count > 0 else {
      throw OperatorFault.shapes("scales or sizes do not fit \(x.shape)")
    }
    var result = source
    let (lengths, factors) = try targets(x.shape, axes, scales, sizes)
    guard lengths.allSatisfy({ $0 <= context.byteLimit / 64 }) else {
      throw OperatorFault.tooLarge(bytes: lengths.max() ?? 0, limit: context.byteLimit)
    }
    for (index, axis) in axes.enumerated() {
      let crop = roi.flatMap { roi -> (Double, Double)? in
        roi.count == 2 * axes.count ? (roi[index], roi[axes.count + index]) : nil
      }
      if coordinates != "tf_crop_and_resize", factors[index] == 1,
        lengths[index] == x.shape[axis]
      {
        continue
      }
      let taps = (0..<lengths[index]).map {
        self.taps($0, input: x.shape[axis], output: lengths[index], factors[index], crop)
      }
      result = try apply(taps, to: result, axis: axis, context)
    }
    return x.type == .float32 ? result : try rounded(result, to: x.type, context)
  }

  private func rounded(
    _ x: Tensor, to type: ElementType, _ context: KernelContext
  ) throws -> Tensor {
    guard !type.isFloating else { return try TypeConversion.convert(x, to: type, context) }
    let whole = try context.make(.float32, x.shape)
    UnaryLoop.apply(x, whole) { (value: Float) in value.rounded(.toNearestOrEven) }
    return try TypeConversion.convert(whole, to: type, context)
  }

  /// By axis, the length of the output and the factor coordinates are scaled by.
  private func targets(
    _ shape: [Int], _ axes: [Int], _ scales: [Double]?, _ sizes: [Int]?
  ) throws(OperatorFault) -> ([Int], [Double]) {
    if let scales {
      var lengths: [Int] = []
      for (axis, scale) in zip(axes, scales) {
        let length = (Double(shape[axis]) * scale).rounded(.down)
        guard scale > 0, length < 0x1p32 else { throw .value("a scale of \(scale)") }
        lengths.append(Int(length))
      }
      return (lengths, scales)
    }
    guard let sizes, sizes.allSatisfy({ $0 > 0 && $0 < 1 << 32 }) else {
      throw .value("sizes \(sizes ?? [])")
    }
    var factors = zip(axes, sizes).map { Double($1) / Double(shape[$0]) }
    guard policy != "stretch" else { return (sizes, factors) }
    let common = (policy == "not_larger" ? factors.min() : factors.max()) ?? 1
    factors = factors.map { _ in common }
    return (axes.map { Int((Double(shape[$0]) * common).rounded()) }, factors)
  }

  private func coordinate(
    _ index: Int, input: Int, output: Int, _ scale: Double, _ crop: (Double, Double)?
  ) -> Double {
    let (i, length) = (Double(index), Double(input))
    // The length before it was rounded down.
    let exact = scale * length
    switch coordinates {
    case "asymmetric": return i / scale
    case "align_corners":
      return output == 1 ? 0 : i * (length - 1) / (exact - 1)
    case "pytorch_half_pixel": return output > 1 ? (i + 0.5) / scale - 0.5 : 0
    case "half_pixel_symmetric":
      let adjustment = Double(output) / exact
      let centre = length / 2
      return centre * (1 - adjustment) + (i + 0.5) / scale - 0.5
    case "tf_crop_and_resize":
      let (start, end) = crop ?? (0, 1)
      return output > 1
        ? start * (length - 1) + i * (end - start) * (length - 1) / Double(output - 1)
        : 0.5 * (start + end) * (length - 1)
    default: return (i + 0.5) / scale - 0.5
    }
  }

  private func taps(
    _ index: Int, input: Int, output: Int, _ scale: Double, _ crop: (Double, Double)?
  ) -> Taps {
    let x = coordinate(index, input: input, output: output, scale, crop)
    if coordinates == "tf_crop_and_resize", x < 0 || x > Double(input - 1) {
      return Taps(isOutside: true)
    }
    guard x.isFinite, abs(x) < 0x1p40 else { return Taps(isOutside: true) }
    var taps = Taps()
    if mode == "nearest" {
      let place: Double =
        switch nearest {
        case "floor": x.rounded(.down)
        case "ceil": x.rounded(.up)
        case "round_prefer_ceil": (x + 0.5).rounded(.down)
        default: (x - 0.5).rounded(.up)
        }
      taps.places = [min(max(Int(place), 0), input - 1)]
      taps.weights = [1]
      return taps
    }
    // Downscaling with antialiasing widens the filter by the factor.
    let stretch = antialias ? min(scale, 1) : 1
    let reach = (mode == "linear" ? 1 : 2) / stretch
    let (low, high) = (Int((x - reach).rounded(.down)) + 1, Int((x + reach).rounded(.up)) - 1)
    for place in low...max(low, high) {
      let weight = filter((Double(place) - x) * stretch)
      let isInside = (0..<input).contains(place)
      if excludesOutside, !isInside { continue }
      taps.places.append(min(max(place, 0), input - 1))
      taps.weights.append(weight)
    }
    let sum = taps.weights.reduce(0, +)
    if sum != 0, excludesOutside || antialias { taps.weights = taps.weights.map { $0 / sum } }
    return taps
  }

  /// The triangle, or Keys' cubic (1981) with coefficient a.
  private func filter(_ distance: Double) -> Double {
    let d = abs(distance)
    if mode == "linear" { return max(0, 1 - d) }
    if d <= 1 { return ((cubic + 2) * d - (cubic + 3)) * d * d + 1 }
    if d < 2 { return ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic }
    return 0
  }

  private func apply(
    _ taps: [Taps], to x: Tensor, axis: Int, _ context: KernelContext
  ) throws -> Tensor {
    var shape = x.shape
    shape[axis] = taps.count
    let result = try context.make(.float32, shape)
    let inner = shape[(axis + 1)...].reduce(1, *)
    for outer in 0..<shape[..<axis].reduce(1, *) {
      let source = x.pointer(Float.self) + outer * x.shape[axis] * inner
      for (index, tap) in taps.enumerated() {
        let target = result.pointer(Float.self) + (outer * taps.count + index) * inner
        for i in 0..<inner {
          guard !tap.isOutside else {
            target[i] = extrapolation
            continue
          }
          var sum = 0.0
          for (place, weight) in zip(tap.places, tap.weights) {
            sum += weight * Double(source[place * inner + i])
          }
          target[i] = Float(sum)
        }
      }
    }
    return result
  }
}
