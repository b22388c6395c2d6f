import ArgumentParser
import ViseCompression
import ViseModels
import ViseTensor

/// Error and speed of each encoder on a model's own weights.
struct StudyEncodersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encoders",
    abstract: "Error and single-core speed of every block encoder on a model's weights.")

  @OptionGroup var input: ModelArguments

  @Option(help: "Runs of each encoder; the fastest counts.")
  var repetitions = 3

  @Flag(help: "Let a few columns matter most, as with an importance matrix.")
  var importance = false

  private struct Result: Encodable {
    let tensor: String
    let rows: Int
    let format: String
    let mse: Double
    let weightsPerSecond: Double
  }

  private struct Report: Encodable {
    let results: [Result]
  }

  func validate() throws {
    if repetitions < 1 { throw ValidationError("--repetitions takes a positive number") }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: input.model)
      let progress = ProgressLine("encoding site")
      let results = try model.sites.flatMap { site in
        try Interrupt.flag.check()
        let results = try figures(site, model)
        progress.report(site.index + 1, of: model.sites.count)
        return results
      }
      if input.json {
        try JSONOutput.write(Report(results: results))
      } else {
        Self.printSummary(results)
      }
    }
  }

  private func figures(_ site: Site, _ model: Model) throws -> [Result] {
    let weight = try model.decodeWeight(site.name)
    let rows = EncoderStudy.sampledRowCount(rows: weight.rows, columns: weight.columns)
    let study = EncoderStudy(repetitions: repetitions)
    defer { withExtendedLifetime(weight) {} }
    return try study.figures(
      of: UnsafeBufferPointer(start: weight.pointer, count: rows * weight.columns), rows: rows,
      columns: weight.columns,
      importance: importance ? EncoderStudy.unevenImportance(columns: weight.columns) : nil
    ).map {
      Result(
        tensor: site.name, rows: rows, format: $0.type.name, mse: $0.meanSquaredError,
        weightsPerSecond: $0.weightsPerSecond)
    }
  }

  private static func printSummary(_ results: [Result]) {
    for format in NumberFormat.encodable.map(\.name) {
      let rows = results.filter { $0.format == format }
      guard !rows.isEmpty else { continue }
      let error = rows.reduce(0) { $0 + $1.mse } / Double(rows.count)
      let speeds = rows.map(\.weightsPerSecond).sorted()
      print(
        "\(format): mean squared error \(error) over \(rows.count) sites, median "
          + "\(Int(speeds[speeds.count / 2] / 1e6)) million weights/s a core")
    }
  }
}
