import ArgumentParser
import Glibc
import ViseCompression
import ViseEvaluation
import ViseModels
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

  /// How fast products with weights of one type are, all threads together.
  private struct KernelRates: Encodable {
    let name: String
    /// Weights a second for one token, from the caches and from memory.
    let cachedWeightsPerSecond, streamedWeightsPerSecond: Double
    /// Bytes a second for one token from memory.
    let streamedBytesPerSecond: Double
    /// Weights times tokens a second for a prompt.
    let promptProductsPerSecond: Double
  }

  private struct Report: Encodable {
    let cpu: String
    let threads: Int
    let instructions, packedInstructions: String
    let blas: String
    /// Multiplications of long rows for one token, by the type of the weights.
    let kernels: [KernelRates]
    let terminal: Terminal
    let paths: Paths
  }

  func run() throws {
    try CommandRunner.run {
      let pool = ComputePool()
      let costs = MachineCosts(pool: pool, files: MachineFiles.standard())
      let report = Report(
        cpu: Processor.name, threads: pool.threadCount, instructions: Kernels.variantName,
        packedInstructions: PackedMatrix.variantName, blas: "OpenBLAS, \(BLAS.coreName) kernels",
        kernels: try NumberFormat.encodable.map { try Self.rates(of: $0, costs) },
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

  private static func rates(of type: StorageType, _ costs: MachineCosts) throws -> KernelRates {
    let columns = 4096
    let kernel = DecodingProduct.Kernel(type, columns: columns)
    let cost = try costs.measure(kernel, cancellation: Interrupt.flag)
    let product = DecodingProduct(kernel: kernel, rows: 4096, columns: columns)
    let weights = Double(product.weightCount)
    let streamed = cost.decodeSeconds(product, streamedShare: 1)
    return KernelRates(
      name: kernel.name,
      cachedWeightsPerSecond: weights / cost.decodeSeconds(product, streamedShare: 0),
      streamedWeightsPerSecond: weights / streamed,
      streamedBytesPerSecond: Double(product.byteCount) / streamed,
      promptProductsPerSecond: weights * Double(KernelCost.promptLength)
        / cost.prompt.seconds(rows: product.rows, columns: columns))
  }

  private static func printSummary(_ report: Report) {
    print("cpu        \(report.cpu), \(report.threads) threads")
    print("kernels    \(report.instructions), packed \(report.packedInstructions)")
    print("blas       \(report.blas)")
    for kernel in report.kernels {
      print(
        "  \(kernel.name): decode \(Int(kernel.cachedWeightsPerSecond / 1e6)) million weights/s "
          + "from the caches, \(Int(kernel.streamedWeightsPerSecond / 1e6)) from memory "
          + "(\(Int(kernel.streamedBytesPerSecond / 1e9)) GB/s), "
          + "prompt \(Int(kernel.promptProductsPerSecond / 1e9)) billion products/s")
    }
    print(
      "terminal   TERM \(report.terminal.term ?? "unset"), "
        + "locale \(report.terminal.locale ?? "unset")")
    print("sample     \(report.paths.sampleModel ?? "not found")")
    print("state      \(report.paths.state ?? "unknown")")
    print("cache      \(report.paths.cache ?? "unknown")")
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static func folder(_ name: String, _ fallback: String) -> String? {
    if let set = variable(name) { return "\(set)/vise" }
    return variable("HOME").map { "\($0)/\(fallback)/vise" }
  }
}
