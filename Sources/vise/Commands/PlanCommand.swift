import ArgumentParser
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Works on plan files without running a model.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Check, compare, resolve and make plan files.",
    subcommands: [
      Check.self, Diff.self, Resolve.self, Fill.self, Drop.self, Preset.self,
    ])
}

extension PlanCommand {
  /// Says whether a plan suits a model, and what it comes to.
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a plan against a model; a fault is named with its line.")

    @OptionGroup var input: ModelArguments

    @Option(help: "The plan file.")
    var plan: String

    private struct MisfitEntry: Encodable {
      let site, treatment, reason: String
    }

    private struct Report: Encodable {
      let treatedSites: Int
      let bytes, originalBytes: Int
      /// The file `bytes` is of.
      let target: String
      let needsCalibration: Bool
      let substitutions: [SubstitutionEntry]
      /// Sites that keep the plan from being exported as GGUF.
      let ggufMisfits: [MisfitEntry]
    }

    func run() throws {
      try CommandRunner.run {
        let model = try Model(path: input.model)
        let file = try PlanLoader.load(plan, model: model)
        let changes = model.sites.compactMap { file.plan.change(of: $0) }
        let report = Report(
          treatedSites: changes.count, bytes: model.sizeModel.byteCount(of: file.plan),
          originalBytes: model.sizeModel.byteCount(of: Plan()),
          target: model.sizeModel.target(of: file.plan).rawValue,
          needsCalibration: changes.contains { $0.needsCalibration },
          substitutions: SubstitutionEntry.list(file),
          ggufMisfits: model.ggufMisfits(of: file.plan).map {
            MisfitEntry(site: $0.site, treatment: $0.treatment, reason: $0.reason)
          })
        if input.json { try JSONOutput.write(report) } else { Self.printSummary(report) }
      }
    }

    private static func printSummary(_ report: Report) {
      for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
      print("treated sites  \(report.treatedSites)")
      print("bytes          \(report.bytes) of \(report.originalBytes), as \(report.target)")
      if report.needsCalibration { print("needs          --calibration") }
      for misfit in report.ggufMisfits {
        print("not in GGUF    \(ErrorText.printable(misfit.site)): \(misfit.reason)")
      }
    }
  }

  /// Lists the sites two plans treat differently.
  struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the sites that two plans treat differently.")

    @OptionGroup var input: ModelArguments

    @Argument(help: "A plan file.")
    var first: String

    @Argument(help: "Another plan file.")
    var second: String

    private struct Entry: Encodable {
      let site, first, second: String
      /// Bytes of the second less those of the first.
      let byteDelta: Int
    }

    private struct Report: Encodable {
      let sites: [Entry]
      let byteDelta: Int
    }

    func run() throws {
      try CommandRunner.run {
        let model = try Model(path: input.model)
        let plans = try [first, second].map { try PlanLoader.load($0, model: model).plan }
        let sizes = model.sizeModel
        let entries = plans[0].changedSites(from: plans[1], among: model.sites).map { site in
          let treatments = plans.map { $0[site.name] }
          let bytes = plans.map { sizes.byteCount(of: site, in: $0) }
          return Entry(
            site: site.name, first: treatments[0].name, second: treatments[1].name,
            byteDelta: bytes[1] - bytes[0])
        }
        let report = Report(
          sites: entries, byteDelta: sizes.byteCount(of: plans[1]) - sizes.byteCount(of: plans[0]))
        if input.json {
          try JSONOutput.write(report)
        } else {
          for entry in entries {
            print(
              "\(ErrorText.printable(entry.site)): \(entry.first) -> \(entry.second)"
                + " (\(Self.signed(entry.byteDelta)) bytes)")
          }
          print("\(entries.count) sites differ, \(Self.signed(report.byteDelta)) bytes in all")
        }
      }
    }

    private static func signed(_ value: Int) -> String { value > 0 ? "+\(value)" : "\(value)" }
  }

  /// Writes a plan with a line a site: no globs, no defaults, no rules, every format as it will be
  /// used.
  struct Resolve: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a plan with one line a site, as it will be used.")

    @Argument(help: "The model.")
    var model: String

    @Option(help: "The plan file.")
    var plan: String

    @Option(help: "Where to write; standard output by default.")
    var out: String?

    @Flag(help: "Replace an existing file.")
    var overwrite = false

    func run() throws {
      try CommandRunner.run {
        let model = try Model(path: model)
        let file = try PlanLoader.resolve(plan, model: model)
        let text = PlanFile.text(of: file.plan, sites: model.sites)
        for entry in SubstitutionEntry.list(file) { StandardError.write(entry.sentence + "\n") }
        guard let out else {
          print(text, terminator: "")
          return
        }
        try TextFile.write(text, to: out, replacing: overwrite)
      }
    }
  }
}
