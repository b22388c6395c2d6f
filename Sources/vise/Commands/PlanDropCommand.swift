import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseTensor

extension PlanCommand {
  /// Chooses the blocks that matter least on a text and writes the plan without them.
  struct Drop: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a plan that drops the blocks with the least influence on a text.",
      discussion: "Influence is 1 - mean cos(input, output) of a block (ShortGPT).")

    @Argument(help: "The model.")
    var model: String

    @Option(help: "The text to look at.")
    var text: String

    @Option(help: "How many blocks to drop; 0 only lists their influence.")
    var blocks = 0

    @Option(help: "A plan to add to.")
    var plan: String?

    @Option(help: "Where to write; standard output by default.")
    var out: String?

    @Option(help: "Tokens of a window.")
    var window = 512

    @Option(help: "Use at most this many tokens.")
    var limit = 16_384

    @OptionGroup var options: RunOptions

    @Flag(help: "Replace an existing file.")
    var overwrite = false

    @Flag(help: "Print one JSON object instead of a plan.")
    var json = false

    private struct Report: Encodable {
      let influence: [Double]
      let dropped: [Int]
    }

    func validate() throws {
      guard window >= 4, window <= 1 << 20, limit >= window else {
        throw ValidationError("--window takes 4 or more tokens, --limit at least a window")
      }
      guard blocks >= 0 else { throw ValidationError("--blocks takes a number") }
    }

    func run() throws {
      try CommandRunner.run {
        let model = try Model(path: model)
        let file = try PlanLoader.load(plan, model: model)
        let session = try options.session(model)
        let text = try TextLoader(model: model).load(
          path: text, windowLength: window, limit: limit)
        let progress = ProgressLine("running window")
        let influence = try BlockInfluence.measure(
          session, on: text, cancellation: Interrupt.flag
        ) { progress.report($0, of: text.windowCount) }
        let dropped = influence.leastInfluential(blocks)
        let changed = try file.plan.dropping(blocks: Set(dropped), of: model.sites)
        if json {
          try JSONOutput.write(Report(influence: influence.values, dropped: dropped))
        } else {
          Self.list(influence, dropped)
        }
        let content = PlanFile.text(of: changed, sites: model.sites)
        if let out {
          try TextFile.write(content, to: out, replacing: overwrite)
        } else if !json, blocks > 0 {
          print(content, terminator: "")
        }
      }
    }

    /// To standard error, since standard output may be the plan.
    private static func list(_ influence: BlockInfluence, _ dropped: [Int]) {
      for (block, value) in influence.values.enumerated() {
        StandardError.write("block \(block)  \(value)\(dropped.contains(block) ? "  drop" : "")\n")
      }
    }
  }
}
