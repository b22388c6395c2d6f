import ArgumentParser
import Glibc
import ViseFormats
import ViseGraphs

/// Runs the cases of a folder of test models, as ONNX's backend tests are laid out.
struct CaseBatch {
  let folder: String
  let context: GraphContext

  /// The JSON contract of many cases.
  struct Report: Encodable {
    struct Failure: Encodable {
      let name, reason: String
    }

    var passed: [String] = []
    /// Outputs that differ, and runs that ended with an error.
    var failed: [Failure] = []
    /// Models with operators, types or forms that Vise does not run.
    var unsupported: [Failure] = []
  }

  func run(json: Bool) throws {
    var report = Report()
    for name in names() {
      let data = "\(folder)/\(name)/test_data_set_0"
      do {
        let result = try RunCommand.report(
          model: "\(folder)/\(name)/model.onnx", folder: data, context: context)
        if result.matches {
          report.passed.append(name)
        } else {
          report.failed.append(Report.Failure(name: name, reason: "the outputs differ"))
        }
      } catch {
        let failure = Report.Failure(name: name, reason: ErrorText.describe(error))
        if Self.isUnsupported(error) {
          report.unsupported.append(failure)
        } else {
          report.failed.append(failure)
        }
      }
    }
    if json {
      try JSONOutput.write(report)
    } else {
      for failure in report.failed { print("failed \(failure.name): \(failure.reason)") }
      print(
        "\(report.passed.count) passed, \(report.failed.count) failed, "
          + "\(report.unsupported.count) not supported")
    }
    if !report.failed.isEmpty { throw ExitCode(1) }
  }

  private static func isUnsupported(_ error: any Error) -> Bool {
    switch error {
    case GraphError.unsupportedOperators, GraphError.operation(_, _, .unsupported),
      GraphError.operation(_, _, .unsupportedType), is OperatorFault:
      true
    default: false
    }
  }

  /// The folders with a model in them, sorted.
  private func names() -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if access("\(folder)/\(name)/model.onnx", R_OK) == 0 { names.append(name) }
    }
    return names.sorted()
  }
}
