import ViseCompression
import ViseFormats
public import ViseGraphs
public import ViseTensor

/// Runs an ONNX model over images and writes the statistics of its sites' inputs to a file.
///
/// Each image counts as one: what a site reads of it, windows of a convolution, is averaged first.
public struct GraphCalibrationCollector: Sendable {
  private let model: GraphModel
  private let images: LabelledImages
  private let pool: ComputePool
  private let byteLimit: Int
  private let inputs: [GraphInput]

  /// - Parameter byteLimit: bytes that one value of a run may have.
  public init(
    model: GraphModel, images: LabelledImages, pool: ComputePool, byteLimit: Int
  ) throws(CalibrationError) {
    inputs = GraphCalibrationFile.inputs(of: model)
    guard !inputs.isEmpty else { throw .noInputs }
    self.model = model
    self.images = images
    self.pool = pool
    self.byteLimit = byteLimit
  }

  /// The number of sites that get statistics.
  public var siteCount: Int { inputs.count }

  /// Collects and writes; returns the file's bytes.
  ///
  /// - Parameter progress: called with the images done.
  public func run(
    to path: String, replacing: Bool, source: String, cancellation: CancellationFlag,
    progress: (Int) -> Void = { _ in }
  ) throws -> Int {
    let program = try model.program()
    guard program.inputs.count == 1 else {
      throw GraphError.missingInput(program.inputs.dropFirst().first?.name ?? "")
    }
    let names = model.summedValues
    let taps = (inputs.map(\.value) + names).map { program.value(named: $0) ?? -1 }
    let wanted = Array(Set(taps.filter { $0 >= 0 }))
    let stored =
      GraphCalibrationFile.stored(inputs)
      + GraphCalibrationFile.stored(values: names, after: inputs.count)
    let sums = stored.map { InputSums(columns: $0.columns) }
    var positions = [Int](repeating: 0, count: stored.count)
    let memory = StoragePool(byteLimit: byteLimit / 4)
    let context = GraphContext(
      pool: pool, memory: memory, byteLimit: byteLimit, cancellation: cancellation)
    for index in 0..<images.count {
      let values = try program.run(
        [program.inputValues[0]: images.batch(index..<index + 1)], wanted: wanted,
        context: context)
      for place in stored.indices {
        guard let value = values[taps[place]] else { continue }
        let rows =
          try place < inputs.count ? inputs[place].rows(of: value) : Self.numbers(of: value)
        try sums[place].add(rows)
        positions[place] = rows.rows
      }
      progress(index + 1)
    }
    let header = CalibrationHeader(
      model: GraphFingerprint.compute(model), data: images.identity, windowLength: 1,
      windowCount: images.count, windowsDone: images.count, source: source)
    return try CalibrationStorage.write(
      header, inputs: stored[...], grams: TextGrams(hashes: []), to: path, replacing: replacing
    ) { input in sums[input.node].divided(by: max(1, positions[input.node])) }
  }

  /// All numbers of a value below each other.
  private static func numbers(of x: Tensor) throws(OperatorFault) -> Matrix {
    guard x.type == .float32 else { throw .unsupportedType(input: 0, x.type) }
    let result = Matrix(rows: x.count, columns: 1)
    withExtendedLifetime((x.storage, result)) {
      result.pointer.update(from: x.pointer(Float.self), count: x.count)
    }
    return result
  }
}
