import ArgumentParser
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Lists a checkpoint's sites.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List a checkpoint's layers: role, shape, format, bytes.")

  @Argument(help: "A GGUF file, a safetensors file or a folder with one.")
  var model: String

  @Flag(help: "Print one JSON object.")
  var json = false

  /// The JSON contract.
  struct Report: Encodable {
    struct ModelEntry: Encodable {
      let name, architecture: String
      let parameters, bytes: Int
      let format: String
      let runnable: Bool
      let notRunnableReason: String?
    }

    struct SiteEntry: Encodable {
      let name, role: String
      let block: Int?
      let shape: [Int]
      let format: String
      let bytes, parameters: Int
    }

    let model: ModelEntry
    let sites: [SiteEntry]
  }

  func run() throws {
    try CommandRunner.run {
      let report = Self.report(try Model(path: model))
      if json { try JSONOutput.write(report) } else { Self.printTable(report) }
    }
  }

  static func report(_ model: Model) -> Report {
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
          bytes: size.byteCount(of: site, under: .keep), parameters: site.parameterCount)
      })
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
          + "\(pad("\(site.shape[0])×\(site.shape[1])", 14)) \(pad(site.format, 8)) \(site.bytes)")
    }
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
