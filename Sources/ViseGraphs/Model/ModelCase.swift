import Glibc
import ViseFormats
public import ViseTensor

/// A test case of a model: inputs and the outputs they must give, as files of tensors.
///
/// ONNX's convention: `input_0.pb`, `input_1.pb` … and `output_0.pb` … in one folder.
public struct ModelCase: Sendable {
  public let inputs: [Tensor]
  public let outputs: [Tensor]

  /// How far a result may be from what is expected: |a − e| ≤ absolute + relative · |e|.
  public struct Tolerance: Sendable {
    public var relative: Double
    public var absolute: Double

    /// Those of ONNX's own tests.
    public init(relative: Double = 1e-3, absolute: Double = 1e-7) {
      self.relative = relative
      self.absolute = absolute
    }
  }

  /// How an output compares with what is expected.
  public struct Comparison: Sendable {
    public let name: String
    public let shape: [Int]
    public let expectedShape: [Int]
    public let maxAbsoluteError: Double
    public let maxRelativeError: Double
    public let matches: Bool
  }

  /// Reads the case in `folder`.
  public init(folder: String) throws {
    inputs = try Self.tensors(folder, "input")
    outputs = try Self.tensors(folder, "output")
  }

  private static func tensors(_ folder: String, _ kind: String) throws -> [Tensor] {
    var result: [Tensor] = []
    while true {
      let path = "\(folder)/\(kind)_\(result.count).pb"
      guard access(path, F_OK) == 0 else { return result }
      let stored = try ONNXReader.openTensor(path)
      guard let tensor = stored.tensor else {
        throw OperatorFault.unsupportedType(input: result.count, stored.type)
      }
      result.append(tensor)
    }
  }

  /// Runs `program` on the inputs and compares the outputs; those beyond the expected are ignored.
  public func compare(
    _ program: GraphProgram, tolerance: Tolerance, context: GraphContext
  ) throws -> [Comparison] {
    let names = program.inputs.map(\.name)
    guard names.count <= inputs.count else { throw GraphError.missingInput(names[inputs.count]) }
    let given = Dictionary(
      zip(names, inputs).map { ($0, $1) }, uniquingKeysWith: { first, _ in first })
    let results = try program.run(given, context: context)
    return zip(zip(results, outputs), program.outputNames).map { pair, name in
      Self.compare(pair.0, with: pair.1, name: name, tolerance)
    }
  }

  static func compare(
    _ result: Tensor, with expected: Tensor, name: String, _ tolerance: Tolerance
  ) -> Comparison {
    let isSame = result.shape == expected.shape && result.type == expected.type
    guard isSame, let a = doubles(result), let e = doubles(expected) else {
      return Comparison(
        name: name, shape: result.shape, expectedShape: expected.shape,
        maxAbsoluteError: .infinity, maxRelativeError: .infinity, matches: false)
    }
    var (absolute, relative, matches) = (0.0, 0.0, true)
    for (a, e) in zip(a, e) where !(a == e || (a.isNaN && e.isNaN)) {
      let error = abs(a - e)
      matches = matches && error <= tolerance.absolute + tolerance.relative * abs(e)
      absolute = max(absolute, error.isNaN ? .infinity : error)
      relative = max(relative, error.isNaN ? .infinity : error / max(abs(e), 1e-30))
    }
    return Comparison(
      name: name, shape: result.shape, expectedShape: expected.shape, maxAbsoluteError: absolute,
      maxRelativeError: relative, matches: matches)
  }

  private static func doubles(_ x: Tensor) -> [Double]? {
    let context = KernelContext(pool: nil, work: RowWork(pool: nil), byteLimit: .max / 16)
    return try? TypeConversion.convert(x, to: .float64, context).values(Double.self)
  }
}
