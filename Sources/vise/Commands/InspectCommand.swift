import ArgumentParser
import ViseCompression
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor

/// Lists a checkpoint's sites.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List a checkpoint's layers: role, shape, format, bytes.")

  @Argument(help: "A GGUF, safetensors or ONNX file, or a folder with one of the first two.")
  var model: String

  @Option(help: "A plan file; lists what it makes of each layer too.")
  var plan: String?

  @Flag(help: "Treat each layer and entropy-code its codes: exact coded bytes.")
  var coded = false

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if coded, plan == nil { throw ValidationError("--coded needs a --plan to code") }
  }

  /// The JSON contract.
  struct Report: Encodable {
    struct ModelEntry: Encodable {
      let name, architecture: String
      let parameters, bytes: Int
      let format: String
      let runnable: Bool
      let notRunnableReason: String?
      /// What an ONNX graph is made of; `nil` for other formats.
      var graph: GraphEntry?
    }

    struct GraphEntry: Encodable {
      /// By domain; ONNX's own is `ai.onnx`.
      let opsets: [String: Int]
      /// How many operations there are of each operator.
      let operators: [String: Int]
      /// Those that Vise does not run.
      let unsupportedOperators: [String]
    }

    struct SiteEntry: Encodable {
      let name, role: String
      let block: Int?
      let shape: [Int]
      let format: String
      let bytes, parameters: Int
      /// What the plan makes of it; left out of sites it keeps.
      let planned: PlannedSites.Entry?
    }

    let model: ModelEntry
    let sites: [SiteEntry]
    let planned: PlannedTotals?
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      let report = try GraphModel.accepts(path: model) ? graphReport() : report(Model(path: model))
      if json { try JSONOutput.write(report) } else { Self.printTable(report) }
    }
  }

  private func report(_ model: Model) throws -> Report {
    guard let plan else { return Self.report(model, planned: nil, isCoded: false) }
    let entries = try PlannedSites(
      model: model, plan: try PlanLoader.load(plan, model: model).plan,
      calibration: try calibration.load(for: model), pool: options.pool(),
      memoryByteCount: options.memoryByteCount
    ).entries(isCoded: coded)
    return Self.report(model, planned: entries, isCoded: coded)
  }

  private func graphReport() throws -> Report {
    guard plan == nil else { throw InputError.noPlansForONNX }
    return Report(try GraphModel.open(path: model))
  }

  private static func report(
    _ model: Model, planned: [Int: PlannedSites.Entry]?, isCoded: Bool
  ) -> Report {
    var reason: String?
    if case .failure(let error) = model.program { reason = ErrorText.describe(error) }
    let size = model.sizeModel
    return Report(
      model: Report.ModelEntry(
        name: model.name, architecture: model.architecture, parameters: model.parameterCount,
        bytes: model.fileByteCount, format: model.checkpoint.format.rawValue,
        runnable: reason == nil, notRunnableReason: reason),
      sites: model.sites.map { site in
        Report.SiteEntry(
          name: site.name, role: site.role.rawValue, block: site.block,
          shape: [site.rows, site.columns], format: site.stored.name,
          bytes: size.byteCount(of: site, under: .keep), parameters: site.parameterCount,
          planned: planned?[site.index])
      },
      planned: planned.map { PlannedTotals(model, entries: $0, isCoded: isCoded) })
  }

  private static func printTable(_ report: Report) {
    let model = report.model
    print(
      "\(ErrorText.printable(model.name)): \(ErrorText.printable(model.architecture)), "
        + "\(model.parameters) parameters, \(model.bytes) bytes, \(model.format)")
    if let reason = model.notRunnableReason { print("not runnable: \(reason)") }
    for site in report.sites {
      print(
        "\(pad(ErrorText.printable(site.name), 32)) \(pad(site.role, 12)) "
          + "\(pad(site.shape.map(String.init).joined(separator: "×"), 14)) "
          + "\(pad(site.format, 8)) \(site.bytes)"
          + (site.planned.map { " " + planned($0) } ?? ""))
    }
    guard let totals = report.planned else { return }
    var line = "planned: \(totals.bytes) bytes"
    if let coded = totals.codedBytes { line += ", \(coded) with codes entropy-coded" }
    if let rest = totals.uncodedSites, rest > 0 { line += "; \(rest) layers have none" }
    print(line)
  }

  private static func planned(_ entry: PlannedSites.Entry) -> String {
    var words = ["-> \(entry.treatment) \(entry.bytes)"]
    if let coded = entry.coded { words.append("coded \(coded.bytes)") }
    if let bits = entry.accumulatorBits { words.append("sums \(bits) bits") }
    if let codebook = entry.codebook {
      words.append("codebook used \(Percentage.text(codebook.usedShare))")
    }
    return words.joined(separator: " ")
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
