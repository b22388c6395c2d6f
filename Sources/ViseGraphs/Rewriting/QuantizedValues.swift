import ViseCompression
import ViseFormats

/// The values of a graph that are read through codes; each is quantized once for all its readers.
struct QuantizedValues {
  private struct Key: Hashable {
    let value: String
    let format: InputFormat
  }

  /// By value and format, the name of what comes back from the codes.
  private var names: [Key: String] = [:]
  /// By the name of what comes back, the scale of its codes where they are bytes on a fixed grid.
  private var scales: [String: Float] = [:]
  private var makers: [String: Int] = [:]

  init(_ graph: ONNXGraph) {
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { makers[output] = index }
    }
  }

  /// Bytes on a grid that calibration fixed: what integer kernels compute with.
  static let bytes = InputFormat(bits: 8)

  /// Whether layers read `value` as bytes on a fixed grid.
  func isCoded(_ value: String) -> Bool { names[Key(value: value, format: Self.bytes)] != nil }

  /// The scale of the bytes `name` came back from; `nil` for all other values.
  func scale(behind name: String) -> Float? { scales[name] }

  /// The name of `value` behind its codes, which are added where they are new.
  ///
  /// - Parameter range: what the codes cover; not asked for where they are dynamic or known.
  mutating func dequantized(
    _ value: String, _ format: InputFormat, _ editor: inout GraphEditor,
    range: () throws -> ClosedRange<Float>
  ) throws -> String {
    let key = Key(value: value, format: format)
    if let known = names[key] { return known }
    let grid = format.isDynamic ? nil : format.grid(covering: try range())
    let quantizer = InputQuantizer(input: value, format: format, grid: grid)
    let (nodes, output) = quantizer.nodes(&editor)
    if let maker = makers[value] {
      editor.insert(nodes, after: maker)
    } else {
      nodes.forEach { editor.insertFirst($0) }
    }
    names[key] = output
    if format == Self.bytes { scales[output] = grid?.scale }
    return output
  }
}

/// What calibration saw of a graph's values.
struct ValueRanges {
  private let calibration: (any CalibrationSource)?
  /// By value, the sites that read it.
  private var readers: [String: [Site]] = [:]

  init(_ model: GraphModel, _ calibration: (any CalibrationSource)?) {
    self.calibration = calibration
    guard calibration != nil else { return }
    for site in model.sites {
      if let input = GraphInput(site, of: model) {
        readers[input.value, default: []].append(site.site)
      }
    }
  }

  /// From the smallest to the largest number in `value`; `nil` where that is not known.
  ///
  /// Layers that read a value at different places, such as every other one, saw parts of its range.
  func range(of value: String) throws -> ClosedRange<Float>? {
    var ranges = [try calibration?.range(ofValue: value)].compactMap { $0 }
    for site in readers[value] ?? [] {
      guard let statistics = try calibration?.statistics(of: site),
        let low = statistics.minimum.min(), let high = statistics.maximum.max(), low <= high
      else { continue }
      ranges.append(low...high)
    }
    guard let low = ranges.map(\.lowerBound).min(), let high = ranges.map(\.upperBound).max() else {
      return nil
    }
    return low...high
  }
}
