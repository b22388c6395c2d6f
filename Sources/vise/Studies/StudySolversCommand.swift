import ArgumentParser
import ViseCompression
import ViseTensor

/// The cost of GPTQ beside that of its own linear algebra.
struct StudySolversCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solvers",
    abstract: "Time GPTQ on a random layer against the BLAS time of its factor and updates.")

  @Option(help: "Outputs of the layer.")
  var rows = 4096

  @Option(help: "Inputs of the layer.")
  var columns = 4096

  @Option(help: "Seed of weights and inputs.")
  var seed: UInt64 = 1

  @Option(help: "A format to fill; may be given more than once.")
  var format: [String] = ["int4:g128", "q4_K", "q4_0"]

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Row: Encodable {
    let format: String
    let seconds, factorSeconds, updateSeconds: Double
    /// Of factor and updates.
    let ratio: Double
  }

  private struct Report: Encodable {
    let rows, columns: Int
    let seed: UInt64
    let solvers: [Row]
  }

  func validate() throws {
    for name in format {
      guard let format = NumberFormat(name: name), format.supports(.gptq) else {
        throw ValidationError("\(name) is no format that gptq fills")
      }
      if rows < 1 || !format.fits(columns: columns) {
        throw ValidationError("\(name) does not fit \(rows) rows of \(columns)")
      }
    }
  }

  func run() throws {
    try CommandRunner.run {
      let study = SolverStudy(rows: rows, columns: columns, seed: seed)
      let figures = try study.figures(format.compactMap { NumberFormat(name: $0) })
      let report = Report(
        rows: rows, columns: columns, seed: seed,
        solvers: figures.map {
          Row(
            format: $0.format.name, seconds: $0.total / .seconds(1),
            factorSeconds: $0.factor / .seconds(1), updateSeconds: $0.updates / .seconds(1),
            ratio: $0.ratio)
        })
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  private static func printSummary(_ report: Report) {
    for row in report.solvers {
      print(
        "\(row.format): gptq \(row.seconds) s, its factor \(row.factorSeconds) s, its updates "
          + "\(row.updateSeconds) s, ratio \(row.ratio)")
    }
  }
}
