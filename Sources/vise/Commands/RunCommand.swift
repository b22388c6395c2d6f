import ArgumentParser
import FoundationEssentials
import ViseFormats
import ViseGraphs
import ViseTensor

/// Runs an ONNX model on a test case and compares its outputs.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run an ONNX model on a test case and compare its outputs.",
    discussion: """
      A case is a folder with input_0.pb, input_1.pb … and output_0.pb … (ONNX tensors). A file \
      data.json there or above it may give "rtol" and "atol"; without it they are 0.001 and 1e-7, \
      those of ONNX's own tests. Exits with 1 where an output differs by more.
      """)

  @Argument(help: "An ONNX file.")
  var model: String?

  @Option(name: .customLong("case"), help: "A folder with the case's inputs and outputs.")
  var folder: String?

  @Option(help: "A folder of folders with model.onnx and test_data_set_0 …; runs all of them.")
  var cases: String?

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    let isOne = model != nil && folder != nil && cases == nil
    let isMany = model == nil && folder == nil && cases != nil
    guard isOne || isMany else {
      throw ValidationError("give MODEL with --case DIR, or --cases DIR alone")
    }
  }

  /// The JSON contract of one case.
  struct Report: Encodable {
    struct Output: Encodable {
      let name: String
      let shape: [Int]
      let expectedShape: [Int]
      /// Absent where shapes or types differ.
      let maxAbsoluteError, maxRelativeError: Double?
      let matches: Bool
    }

    let matches: Bool
    let seconds: Double
    let outputs: [Output]
  }

  func run() throws {
    try CommandRunner.run {
      let context = GraphContext(
        pool: options.pool(), memory: StoragePool(byteLimit: options.memoryByteCount / 4),
        byteLimit: options.memoryByteCount, cancellation: Interrupt.flag)
      if let cases {
        try CaseBatch(folder: cases, context: context).run(json: json)
        return
      }
      guard let model, let folder else { return }
      let report = try Self.report(model: model, folder: folder, context: context)
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
      if !report.matches { throw ExitCode(1) }
    }
  }

  static func report(model: String, folder: String, context: GraphContext) throws -> Report {
    let program = try GraphModel.open(path: model).program()
    let modelCase = try ModelCase(folder: folder)
    let tolerance = CaseTolerance.read(beside: folder)
    let start = ContinuousClock.now
    let comparisons = try modelCase.compare(program, tolerance: tolerance, context: context)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return Report(
      matches: comparisons.count == modelCase.outputs.count && comparisons.allSatisfy(\.matches),
      seconds: seconds,
      outputs: comparisons.map {
        Report.Output(
          name: $0.name, shape: $0.shape, expectedShape: $0.expectedShape,
          maxAbsoluteError: $0.maxAbsoluteError.isFinite ? $0.maxAbsoluteError : nil,
          maxRelativeError: $0.maxRelativeError.isFinite ? $0.maxRelativeError : nil,
          matches: $0.matches)
      })
  }

  private static func printSummary(_ report: Report) {
    for output in report.outputs {
      let shape = output.shape.map(String.init).joined(separator: "×")
      let error = output.maxAbsoluteError.map { "largest error \($0)" } ?? "another shape or type"
      print(
        "\(ErrorText.printable(output.name)) \(shape): \(error), "
          + (output.matches ? "matches" : "does not match"))
    }
    print("\(report.matches ? "all outputs match" : "outputs differ"), \(report.seconds) s")
  }
}

/// The tolerance a case's `data.json` gives.
enum CaseTolerance {
  private struct Entry: Decodable {
    let rtol, atol: Double?
  }

  /// From `data.json` in the folder or the one above it; ONNX's own where there is none.
  static func read(beside folder: String) -> ModelCase.Tolerance {
    var tolerance = ModelCase.Tolerance()
    for path in ["\(folder)/data.json", "\(folder)/../data.json"] {
      guard let file = try? MappedFile(path: path), file.byteCount < 1 << 16,
        let entry = try? JSONDecoder().decode(
          Entry.self, from: file.withBytes { Data($0) })
      else { continue }
      tolerance.relative = entry.rtol ?? tolerance.relative
      tolerance.absolute = entry.atol ?? tolerance.absolute
      break
    }
    return tolerance
  }
}
