import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseModels
import ViseTensor

/// Says which sites bear compression and which do not, and by what figure.
struct SensitivityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sensitivity",
    abstract: "List how each layer bears treatments, by every figure that can be had.",
    discussion: """
      Values alone give noise, the PQ index, kurtosis, the tail's exponent and lossless bits; \
      --calibration adds the error of outputs, --text the KL divergence with only that layer \
      treated, with its 90 % interval. --by role or block says where a model is sensitive.
      """)

  @OptionGroup var arguments: ModelArguments

  @Option(help: "The text the probe is taken from.")
  var text: String?

  @OptionGroup var calibration: CalibrationOptions

  @Option(help: "Widths with their default formats, such as 4 or 3,4.")
  var bits: String?

  @Option(help: "Treatments, such as \"q4_K, prune=0.3 format=q6_K\"; 4 bits by default.")
  var treatments: String?

  @Flag(help: "Decompose each weight too: effective rank, energy, tail of the spectrum.")
  var spectrum = false

  @Option(help: "site, role or block.", transform: Self.grouping)
  var by = SensitivityGrouping.site

  @Option(help: "The column to sort by, largest first.")
  var sort: String?

  @Flag(help: "Print comma-separated values.")
  var csv = false

  @OptionGroup var options: RunOptions

  /// As the workbench has it, so that both know the same effects.
  private static let tokenLimit = 32_768

  /// The JSON contract.
  private struct Report: Encodable {
    struct Column: Encodable {
      let name, meaning, provenance: String
      let option: String?
    }

    let by: String
    /// Tokens divergences were measured on.
    let probeTokens: Int?
    let columns: [Column]
    /// An object a site or group; figures that were not computed are left out.
    let rows: [SensitivityTable.Row]
  }

  func validate() throws {
    if csv, arguments.json { throw ValidationError("pass --csv or --json, not both") }
    if bits != nil, treatments != nil { throw ValidationError("pass --bits or --treatments") }
    _ = try asked()
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      let model = try Model(path: arguments.model)
      let analysis = try analysis(model)
      let progress = ProgressLine("looking at layer")
      let reports = try analysis.run(
        hasSpectrum: spectrum, progress: { progress.report($0, of: $1) },
        cancellation: Interrupt.flag)
      var table = table(reports, analysis)
      if let sort {
        guard let column = table.column(sort) else {
          throw InputError.noSuchColumn(name: sort, known: table.columns.map(\.name))
        }
        table.sort(by: column)
      }
      try write(table, tokenCount: analysis.tokenCount)
    }
  }

  private static func grouping(_ name: String) throws -> SensitivityGrouping {
    guard let grouping = SensitivityGrouping(rawValue: name) else {
      throw ValidationError("--by takes site, role or block")
    }
    return grouping
  }

  /// The options, parsed.
  private func asked() throws -> [SensitivityOption] {
    if let treatments {
      return try TreatmentList.parse(treatments).map(SensitivityOption.init)
    }
    return try TreatmentList.words(bits ?? "4").map { word in
      guard let format = Int(word).flatMap(DefaultFormat.asked(bits:)) else {
        let known = DefaultFormat.bitWidths.map(String.init).joined(separator: ", ")
        throw ValidationError("--bits knows \(known)")
      }
      return SensitivityOption(Treatment(format: format))
    }
  }

  private func analysis(_ model: Model) throws -> SensitivityAnalysis {
    let statistics = try calibration.load(for: model)
    guard let text else {
      return SensitivityAnalysis(
        model: model, calibration: statistics, options: try asked(),
        levels: LevelDatabase.standard(), pool: options.pool(),
        memoryByteCount: options.memoryByteCount)
    }
    let session = try options.session(model, calibration: statistics)
    let loaded = try TextLoader(model: model).load(
      path: text, windowLength: 64, limit: Self.tokenLimit)
    try CalibrationOptions.check(statistics, against: loaded)
    let predictor = try PlanPredictor(
      session: session, tokens: loaded.tokens, firstToken: loaded.firstToken,
      files: EffectFiles.standard(), cancellation: Interrupt.flag)
    return SensitivityAnalysis(
      session: session, calibration: statistics, options: try asked(), predictor: predictor)
  }

  private func table(
    _ reports: [SiteReport], _ analysis: SensitivityAnalysis
  ) -> SensitivityTable {
    let names = analysis.options.map(\.name)
    guard by != .site else {
      return SensitivityTable(sites: reports, options: names, tokenCount: analysis.tokenCount)
    }
    let groups = names.enumerated().flatMap { index, name in
      SensitivityGroup.groups(of: reports, option: index, named: name, by: by)
    }
    return SensitivityTable(groups: groups, tokenCount: analysis.tokenCount)
  }

  private func write(_ table: SensitivityTable, tokenCount: Int?) throws {
    if csv {
      print(table.csv(sanitize: ErrorText.printable), terminator: "")
    } else if arguments.json {
      try JSONOutput.write(
        Report(
          by: by.rawValue, probeTokens: tokenCount,
          columns: table.columns.map {
            Report.Column(
              name: $0.name, meaning: $0.meaning, provenance: $0.provenance, option: $0.option)
          },
          rows: table.objects))
    } else {
      TextTable(table).print()
    }
  }
}
