import ViseCompression
import ViseEvaluation
import ViseGraphs

/// What `vise study predictor` reports of an ONNX classifier.
struct ClassifierReport: Encodable {
  struct Row: Encodable {
    let treatedSites: Int
    let superposedKl, summedKl, probeDrop, runKl, runDrop, measuredKl, measuredDrop: Double
  }

  /// Figures of drops of top-1, of plans held out.
  struct Figures: Encodable {
    let spearman, meanAbsError, coverage, meanWidth: Double

    init(_ learned: ClassifierStudy.Learned) {
      spearman = learned.spearman
      meanAbsError = learned.meanAbsoluteError
      coverage = learned.coverage
      meanWidth = learned.meanWidth
    }

    var text: String {
      "Spearman of drops \(spearman), mean |error| \(meanAbsError), "
        + "90 % intervals cover \(coverage), width \(meanWidth)"
    }
  }

  let plans: Int
  let seed: UInt64
  let probeImages, measuredImages, trials, splits: Int
  /// From what the sites' effects add up to, and from running the plan on the probe.
  let superposed, run: Figures
  /// Of predicted and measured KL over all plans, without learning.
  let klSpearman: Double
  let smallestDrop, largestDrop: Double
  let rows: [Row]

  init(
    _ rows: [ClassifierStudy.Row], seed: UInt64, superposed: ClassifierStudy.Learned,
    run: ClassifierStudy.Learned, images: Int
  ) {
    plans = rows.count
    self.seed = seed
    probeImages = rows.first?.prediction.images ?? 0
    measuredImages = images
    trials = run.trials
    splits = run.splits
    self.superposed = Figures(superposed)
    self.run = Figures(run)
    klSpearman = spearmanCorrelation(
      rows.map(\.prediction.divergence), rows.map(\.measuredDivergence))
    smallestDrop = rows.map(\.measuredDrop).min() ?? 0
    largestDrop = rows.map(\.measuredDrop).max() ?? 0
    self.rows = rows.map {
      Row(
        treatedSites: $0.treatedSites, superposedKl: $0.prediction.superposed,
        summedKl: $0.prediction.sum, probeDrop: $0.prediction.top1Drop,
        runKl: $0.run.divergence, runDrop: $0.run.probeDrop,
        measuredKl: $0.measuredDivergence, measuredDrop: $0.measuredDrop)
    }
  }

  func printSummary() {
    print("\(plans) plans, seed \(seed), probe \(probeImages) of \(measuredImages) images")
    print("top-1 drops \(smallestDrop) to \(largestDrop)")
    print("held out after \(trials) trials, mean of \(splits) orders:")
    print("  by what layers do alone: \(superposed.text)")
    print("  by running the plan on the probe: \(run.text)")
    print("KL without learning: Spearman \(klSpearman)")
  }
}

/// The study of an ONNX classifier's predictor.
struct ClassifierStudyRun {
  let path: String
  let imageOptions: ImageOptions
  let options: RunOptions
  let calibration: String?
  let plans, trials, probe: Int
  let seed: UInt64

  /// What plans choose from; those that need statistics only where there are some.
  private static let treatments = [
    "int6:channel", "int5:channel", "int4:channel", "int3:channel", "int2:channel", "prune=0.3",
    "prune=0.5", "prune=0.7", "prune=0.5 format=int4:channel",
  ]
  private static let calibratedTreatments = [
    "format=int8:channel inputs=int8", "format=int4:channel inputs=int4",
    "format=int6:channel inputs=int5",
  ]

  func report() throws -> ClassifierReport {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let images = try imageOptions.images(
      for: model, limit: nil, byteLimit: options.memoryByteCount)
    let statistics = try calibration.map { try GraphCalibrationFile(path: $0, model: model) }
    try statistics?.check(against: images)
    func evaluator(_ images: LabelledImages) throws -> ClassifierEvaluator {
      try ClassifierEvaluator(
        model: model, images: images, pool: options.pool(), byteLimit: options.memoryByteCount)
    }
    let all = try evaluator(images)
    let study = ClassifierStudy(
      predictor: try ClassifierPredictor(
        evaluator: evaluator(images.prefix(probe)), calibration: statistics,
        cancellation: Interrupt.flag),
      evaluator: all, calibration: statistics, cancellation: Interrupt.flag)
    let names = Self.treatments + (statistics == nil ? [] : Self.calibratedTreatments)
    let effects = ProgressLine("measuring the options of site")
    let choices = try study.options(names.compactMap { Treatment(name: $0) }) {
      effects.report($0, of: $1)
    }
    let drawn = PredictorStudy.plans(
      plans, sites: all.sites.map(\.site), options: choices, seed: seed)
    let progress = ProgressLine("measuring plan")
    let rows = try study.run(drawn) { progress.report($0, of: $1) }
    let none = try all.planned(Plan(), calibration: nil, cancellation: Interrupt.flag)
    let reference = try all.measure(none, cancellation: Interrupt.flag)
    let classes = (images.labels.max() ?? 0) + 1
    func learned(
      _ outlook: (ClassifierStudy.Row) -> DropCalibration.Outlook
    ) -> ClassifierStudy.Learned {
      ClassifierStudy.learned(
        rows, from: outlook, trials: trials, splits: 200,
        ceiling: Double(reference.referenceHits) / Double(images.count) - 1 / Double(classes),
        images: images.count, seed: seed)
    }
    return ClassifierReport(
      rows, seed: seed, superposed: learned { DropCalibration.Outlook($0.prediction) },
      run: learned(\.run), images: images.count)
  }
}
