import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseGraphs
import ViseModels
import ViseTensor

/// Writes a model that computes the same with weights that are easier to quantize.
struct RewriteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewrite",
    abstract: "Write a model that computes the same with weights that are easier to quantize.",
    discussion: """
      The new file is opened, planned and exported like any other; statistics must be collected \
      anew. --rotate spreads outlying channels of the residual stream over all (hadamard), or \
      gathers its energy in the first columns (pca, for formats such as split84). --scale moves \
      factors between channels: awq by the error in --format (clipping is method = "output_mse" in \
      the plan of the new file), smooth by SmoothQuant's rule. --value-rank and --query-rank change \
      what is computed: value heads, or query and key heads, keep that many channels, the nearest \
      in the outputs or the scores (queries and keys only of models without rotary embeddings, such \
      as GPT-2); llama.cpp does not open such files, Vise does. --drop-deltas brings a fine-tuned model nearer to its --base. \
      Of an ONNX model --equalize brings layers with only a ReLU or pooling between them together; \
      --scale smooth works on linear layers behind a layer normalization. Batch normalizations are \
      folded first.
      """)

  enum RotationName: String, ExpressibleByArgument, CaseIterable { case hadamard, pca }
  enum ScaleName: String, ExpressibleByArgument, CaseIterable { case awq, smooth }

  @Argument(help: "The model, a GGUF file or, for --equalize and --scale smooth, an ONNX file.")
  var model: String

  @Option(help: "The GGUF file to write.")
  var out: String

  @Option(help: "Rotate the residual stream and the values of each head: hadamard or pca.")
  var rotate: RotationName?

  @Option(help: "With pca, how many dimensions hold the most energy; an eighth by default.")
  var high: Int?

  @Option(help: "Seed of the rotation.")
  var seed: UInt64 = 1

  @Option(help: "Scale channels: awq or smooth.")
  var scale: ScaleName?

  @Option(
    help: """
      The number format awq chooses its factors for, such as q4_0 or int4:g128:minmax (ranges of \
      least error cut off the very weights awq enlarged).
      """)
  var format: String?

  @Option(help: "SmoothQuant's exponent.")
  var alpha = 0.5

  @Flag(help: "Equalize the ranges of value and output, and of up and down projections.")
  var equalize = false

  @Option(help: "Move this exponent of the keys' magnitudes into the queries, for caches.")
  var smoothKeys: Double?

  @Option(help: "Channels each value head keeps, chosen with its output projection.")
  var valueRank: Int?

  @Option(help: "Channels each query and key head keeps; not with rotary embeddings.")
  var queryRank: Int?

  @Option(help: "The model this one was fine-tuned from.")
  var base: String?

  @Option(help: "The share of the differences from --base that goes, such as 0.9 (DARE).")
  var dropDeltas: Double?

  @OptionGroup var calibration: CalibrationOptions

  @Option(help: "How rewritten matrices are stored: f16, bf16 or f32.")
  var floats = FloatType.f16

  @Flag(
    name: [.customLong("overwrite"), .customLong("replace")], help: "Replace an existing file.")
  var overwrite = false

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct LinkEntry: Encodable {
    let kind: String
    let weights: [String]
    let alpha: Double?
    /// Σ eᵀHe in the format, with and without factors.
    let outputError, plainOutputError: Double?
  }

  private struct Report: Encodable {
    let bytes, rewrittenTensors: Int
    let rewrites: [String]
    let links: [LinkEntry]
  }

  func validate() throws {
    let changesChannels = rotate != nil || scale != nil || equalize
    let changesHeads = valueRank != nil || queryRank != nil
    guard changesChannels || smoothKeys != nil || changesHeads || dropDeltas != nil else {
      throw ValidationError(
        "give at least one of --rotate, --scale, --equalize, --smooth-keys, --value-rank, "
          + "--query-rank and --drop-deltas")
    }
    guard (base == nil) == (dropDeltas == nil) else {
      throw ValidationError("--base and --drop-deltas go together")
    }
    if let dropDeltas {
      guard dropDeltas >= 0, dropDeltas < 1 else {
        throw ValidationError("--drop-deltas takes a share of 0 or more and below 1")
      }
      if changesChannels || smoothKeys != nil || changesHeads {
        throw ValidationError("--drop-deltas goes before other rewrites: the base has none of them")
      }
    }
    if changesHeads, changesChannels {
      throw ValidationError(
        "--value-rank and --query-rank go before or after other rewrites of the heads")
    }
    if queryRank != nil, smoothKeys != nil {
      throw ValidationError("--query-rank and --smooth-keys both change queries and keys")
    }
    if rotate != nil, scale != nil {
      throw ValidationError(
        "rotate first, then calibrate the new file and scale that: statistics are of one basis")
    }
    if scale != nil, equalize {
      throw ValidationError("--scale and --equalize choose factors of the same channels")
    }
    if (scale == .awq) != (format != nil) {
      throw ValidationError("--format goes with --scale awq")
    }
    for exponent in [alpha, smoothKeys ?? 0] where !(0...1).contains(exponent) {
      throw ValidationError("exponents lie between 0 and 1")
    }
    if let format, NumberFormat(name: format) == nil {
      throw ValidationError("unknown format \"\(format)\"")
    }
    let needsStatistics = rotate == .pca || scale != nil
    if needsStatistics, calibration.calibration == nil {
      throw ValidationError("--rotate pca and --scale need --calibration")
    }
  }

  func run() throws {
    try CommandRunner.run {
      if GraphModel.accepts(path: model) { return try rewriteGraph() }
      let model = try Model(path: model)
      try BLAS.load()
      let source = try calibration.load(for: model)
      let pool = ComputePool()
      var rewrite = ModelRewrite()
      if let smoothKeys {
        let count = try KeySmoothing(alpha: smoothKeys, model: model, calibration: source)
          .append(to: &rewrite)
        rewrite.notes.append("keys smoothed, alpha \(smoothKeys), \(count) layers")
      }
      try appendDeltas(to: &rewrite, model, source)
      try appendValueRank(to: &rewrite, model, source)
      try appendQueryRank(to: &rewrite, model, source)
      try appendRotation(to: &rewrite, model, source)
      let links = try appendScales(to: &rewrite, model, source, pool)
      let progress = ProgressLine("writing byte")
      let bytes = try RewriteWriter(model: model, rewrite: rewrite, floats: floats).write(
        to: out, replacing: overwrite, cancellation: Interrupt.flag
      ) { progress.report($0, of: $1) }
      try report(
        Report(
          bytes: bytes, rewrittenTensors: rewrite.steps.count, rewrites: rewrite.notes,
          links: links))
    }
  }

  private func rewriteGraph() throws {
    let others =
      [rotate != nil, scale == .awq, smoothKeys != nil, valueRank != nil]
      + [queryRank != nil, base != nil]
    guard !others.contains(true) else {
      throw InputError.notForONNX(only: "--equalize or --scale smooth")
    }
    try GraphRewriting(
      path: model, out: out, replacing: overwrite, alpha: scale == .smooth ? alpha : nil,
      calibration: calibration.calibration
    ).run(json: json)
  }

  private func appendDeltas(
    to rewrite: inout ModelRewrite, _ model: Model, _ source: CalibrationFile?
  ) throws {
    guard let dropDeltas, let base else { return }
    let count = try DeltaRewrite(
      DeltaPruning(ratio: dropDeltas, seed: seed), base: try Model(path: base),
      calibration: source
    ).append(to: &rewrite, of: model)
    rewrite.notes.append(
      "\(Percentage.text(dropDeltas)) of the differences of \(count) layers from the base dropped")
  }

  private func appendValueRank(
    to rewrite: inout ModelRewrite, _ model: Model, _ source: CalibrationFile?
  ) throws {
    guard let valueRank else { return }
    let progress = ProgressLine("factoring attention")
    let changes = try ValueFactoring(rank: valueRank, model: model, calibration: source)
      .append(to: &rewrite) { progress.report($0, of: $1) }
    let kept = changes.reduce(0) { $0 + $1.energy } / Double(max(changes.count, 1))
    rewrite.notes.append(
      "value heads of \(valueRank) channels, \(Percentage.text(kept)) of the outputs' energy")
  }

  private func appendQueryRank(
    to rewrite: inout ModelRewrite, _ model: Model, _ source: CalibrationFile?
  ) throws {
    guard let queryRank else { return }
    let progress = ProgressLine("factoring attention")
    let changes = try QueryKeyFactoring(rank: queryRank, model: model, calibration: source)
      .append(to: &rewrite) { progress.report($0, of: $1) }
    let kept = changes.reduce(0) { $0 + $1.energy } / Double(max(changes.count, 1))
    rewrite.notes.append(
      "query and key heads of \(queryRank) channels, \(Percentage.text(kept)) of the scores' "
        + "variance")
  }

  private func appendRotation(
    to rewrite: inout ModelRewrite, _ model: Model, _ source: CalibrationFile?
  ) throws {
    switch rotate {
    case .hadamard:
      try RotationRewrite.hadamard(model, seed: seed).append(to: &rewrite, of: model)
      rewrite.notes.append("rotated by hadamard, seed \(seed)")
    case .pca:
      let width = try model.program.get().configuration.width
      let high = high ?? max(width / 8, 1)
      guard let source else { return }
      try ComponentRotation.rotation(of: model, high: high, calibration: source, seed: seed)
        .append(to: &rewrite, of: model)
      rewrite.notes.append("rotated to components, \(high) high, seed \(seed)")
    case nil: break
    }
  }

  private func appendScales(
    to rewrite: inout ModelRewrite, _ model: Model, _ source: CalibrationFile?,
    _ pool: ComputePool
  ) throws -> [LinkEntry] {
    let rule: ScalingRewrite.Rule
    switch (scale, format.flatMap(NumberFormat.init(name:))) {
    case (.awq, let format?):
      rule = .awq(format)
      rewrite.notes.append("scaled by awq for \(format.name)")
    case (.smooth, _):
      rule = .smooth(alpha: alpha)
      rewrite.notes.append("smoothed, alpha \(alpha)")
    default:
      guard equalize else { return [] }
      rule = .equalize
      rewrite.notes.append("equalized")
    }
    let progress = ProgressLine("scaling link")
    return try ScalingRewrite(
      rule, model: model, calibration: source,
      work: RowWork(pool: pool, cancellation: Interrupt.flag)
    ).append(to: &rewrite) { progress.report($0, of: $1) }.map {
      LinkEntry(
        kind: $0.kind.rawValue, weights: $0.weights, alpha: $0.alpha,
        outputError: $0.outputError, plainOutputError: $0.plainError)
    }
  }

  private func report(_ report: Report) throws {
    if json { return try JSONOutput.write(report) }
    for note in report.rewrites { print("rewrite   \(note)") }
    let errors = report.links.compactMap { link in
      link.outputError.flatMap { error in link.plainOutputError.map { (error, $0) } }
    }
    if !errors.isEmpty {
      let ratio = errors.reduce(0) { $0 + $1.0 } / max(errors.reduce(0) { $0 + $1.1 }, 1e-300)
      print("links     \(errors.count), output error \(Percentage.text(ratio)) of unscaled")
    }
    print("tensors   \(report.rewrittenTensors) rewritten")
    print("written   \(report.bytes) bytes")
  }
}
