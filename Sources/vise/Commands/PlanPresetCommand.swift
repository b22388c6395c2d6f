import ArgumentParser
import ViseFormats
import ViseModels
import ViseSearch

extension PlanCommand {
  /// Writes a stock preset as a plan.
  struct Preset: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the mix of types llama-quantize has under a name as a plan.",
      discussion: "Presets: \(StockPreset.allCases.map(\.rawValue).joined(separator: ", ")).")

    @Argument(help: "The preset, such as Q4_K_M.")
    var preset: String

    @Argument(help: "The model.")
    var model: String

    @Option(help: "Where to write; standard output by default.")
    var out: String?

    @Flag(help: "Replace an existing file.")
    var overwrite = false

    func validate() throws {
      if StockPreset(name: preset) == nil {
        throw ValidationError(
          "presets are \(StockPreset.allCases.map(\.rawValue).joined(separator: ", "))")
      }
    }

    func run() throws {
      try CommandRunner.run {
        guard let preset = StockPreset(name: preset) else { return }
        let model = try Model(path: model)
        let text = PlanFile.text(of: preset.plan(for: model.sites), sites: model.sites)
        guard let out else {
          print(text, terminator: "")
          return
        }
        try TextFile.write(text, to: out, replacing: overwrite)
      }
    }
  }
}
