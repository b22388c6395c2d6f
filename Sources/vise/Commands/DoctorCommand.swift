import ArgumentParser
import Glibc
import ViseEvaluation
import ViseTensor

/// Says what Vise found on this machine and how fast it is.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Show CPU, kernels, BLAS, terminal and paths.")

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Terminal: Encodable {
    let term, locale: String?
    let isTerminal: Bool
  }

  private struct Paths: Encodable {
    let sampleModel, state, cache: String?
  }

  private struct Report: Encodable {
    let cpu: String
    let threads: Int
    let kernels: String
    let blas: String
    let gflops: Double
    let memoryBandwidth: Double
    let unpackWeightsPerSecond: [String: Double]
    let terminal: Terminal
    let paths: Paths
  }

  func run() throws {
    try CommandRunner.run {
      let profile = try MachineProfile.measure(on: ComputePool(), cancellation: Interrupt.flag)
      let report = Report(
        cpu: Self.cpuName, threads: profile.threadCount, kernels: Kernels.variantName,
        blas: "OpenBLAS, \(BLAS.coreName) kernels", gflops: profile.matrixFlops.median / 1e9,
        memoryBandwidth: profile.bandwidth.median,
        unpackWeightsPerSecond: Dictionary(
          uniqueKeysWithValues: profile.unpackRates.map { ($0.key.name, $0.value.median) }),
        terminal: Terminal(
          term: Self.variable("TERM"), locale: setlocale(LC_CTYPE, "").map { String(cString: $0) },
          isTerminal: isatty(STDOUT_FILENO) == 1),
        paths: Paths(
          sampleModel: SampleModels.path(of: SampleModels.defaultModel),
          state: Self.folder("XDG_STATE_HOME", ".local/state"),
          cache: Self.folder("XDG_CACHE_HOME", ".cache")))
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  private static func printSummary(_ report: Report) {
    print("cpu        \(report.cpu), \(report.threads) threads")
    print("kernels    \(report.kernels)")
    print("blas       \(report.blas), \(Int(report.gflops)) GFLOP/s")
    print("memory     \(Int(report.memoryBandwidth / 1e9)) GB/s read")
    for (name, rate) in report.unpackWeightsPerSecond.sorted(by: { $0.key < $1.key }) {
      print("  unpack   \(name) \(Int(rate / 1e6)) million weights/s")
    }
    print(
      "terminal   TERM \(report.terminal.term ?? "unset"), "
        + "locale \(report.terminal.locale ?? "unset")")
    print("sample     \(report.paths.sampleModel ?? "not found")")
    print("state      \(report.paths.state ?? "unknown")")
    print("cache      \(report.paths.cache ?? "unknown")")
  }

  private static var cpuName: String {
    guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      if text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") {
        return text[text.index(after: colon)...].split(separator: "\n").joined()
          .drop { $0 == " " }.description
      }
    }
    return "unknown"
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static func folder(_ name: String, _ fallback: String) -> String? {
    if let set = variable(name) { return "\(set)/vise" }
    return variable("HOME").map { "\($0)/\(fallback)/vise" }
  }
}
