import ArgumentParser
import ViseEvaluation
import ViseGraphs

/// Tells what a classifier would be if what it computes depended on the image.
struct WhatIfCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "whatif",
    abstract: "What an ONNX classifier would cost and get right if easy images took less work.",
    discussion: """
      --early-exit fits a linear probe at values inside the model, in closed form and on half of the \
      images, and lets the others leave where a probe is sure enough. --dynamic-masks computes of \
      each convolution only the channels that hold a share R of the output's mass for that image; \
      which these are is taken from the output itself, as a perfect predictor of masks would know \
      it: an upper bound for predictors of these masks. MACs are those of one image: expected is \
      the mean over the images, worst the most. Nothing is trained and no file is written.
      """)

  @OptionGroup var input: ModelArguments

  @Flag(help: "Let images leave early.")
  var earlyExit = false

  @Option(
    parsing: .upToNextOption,
    help: "Values that have exits; by default the ends of residual stages.")
  var at: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: "An image leaves where a probe's largest number is above this; 1 lets none leave.")
  var thresholds: [Double] = [0.5, 0.6, 0.7, 0.8, 0.9, 1]

  @Option(help: "The share of the images that probes are fitted on, and not judged by.")
  var fitShare = 0.5

  @Option(
    parsing: .upToNextOption,
    help: "Mask channels beyond this share of the mass; 1 masks only zeros.")
  var dynamicMasks: [Double] = []

  @OptionGroup var imageOptions: ImageOptions

  @Option(help: "Use at most this many images.")
  var limit: Int?

  @OptionGroup var options: RunOptions

  func validate() throws {
    guard earlyExit || !dynamicMasks.isEmpty else {
      throw ValidationError("give --early-exit or --dynamic-masks R")
    }
    if !at.isEmpty, !earlyExit { throw ValidationError("--at goes with --early-exit") }
    guard thresholds.allSatisfy({ (0...1).contains($0) }) else {
      throw ValidationError("--thresholds lie between 0 and 1")
    }
    guard dynamicMasks.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
      throw ValidationError("--dynamic-masks takes shares above 0, at most 1")
    }
    guard fitShare > 0, fitShare < 1 else {
      throw ValidationError("--fit-share lies between 0 and 1")
    }
  }

  /// The JSON contract.
  private struct Report: Encodable {
    let earlyExit: EarlyExitReport?
    let dynamicMasks: DynamicMaskReport?
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      guard GraphModel.accepts(path: input.model) else { throw InputError.notONNX }
      let model = try GraphModel.open(path: input.model).foldingNormalizations()
      let images = try imageOptions.images(
        for: model, limit: limit, byteLimit: options.memoryByteCount
      ).shuffled()
      let report = Report(
        earlyExit: earlyExit ? try exits(model, images) : nil,
        dynamicMasks: dynamicMasks.isEmpty ? nil : try masks(model, images))
      if input.json { return try JSONOutput.write(report) }
      report.earlyExit?.printTable()
      if report.earlyExit != nil, report.dynamicMasks != nil { print("") }
      report.dynamicMasks?.printTable()
    }
  }

  private func exits(_ model: GraphModel, _ images: LabelledImages) throws -> EarlyExitReport {
    let study = try EarlyExitStudy(
      model: model, images: images, exits: at, fitShare: fitShare, pool: options.pool(),
      byteLimit: options.memoryByteCount)
    let progress = ProgressLine("running image")
    let result = try study.run(cancellation: Interrupt.flag) {
      progress.report($0, of: images.count)
    }
    return EarlyExitReport(result, thresholds: thresholds.sorted())
  }

  private func masks(_ model: GraphModel, _ images: LabelledImages) throws -> DynamicMaskReport {
    let study = try DynamicMaskStudy(
      model: model, images: images, pool: options.pool(), byteLimit: options.memoryByteCount)
    let progress = ProgressLine("masking image")
    let shares = dynamicMasks.sorted()
    let results = try shares.enumerated().map { index, share in
      try study.run(share: share, cancellation: Interrupt.flag) {
        progress.report(index * images.count + $0, of: shares.count * images.count)
      }
    }
    return DynamicMaskReport(results, macs: study.macs, images: images.count)
  }
}
