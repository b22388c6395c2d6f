import ViseEvaluation

/// What `vise study predictor` reports.
struct PredictorReport: Encodable {
  struct Agreement: Encodable {
    let spearman, meanLogError, logErrorDeviation, medianAbsLogError: Double

    init(_ agreement: PredictorStudy.Agreement) {
      spearman = agreement.spearman
      meanLogError = agreement.meanLogError
      logErrorDeviation = agreement.logErrorDeviation
      medianAbsLogError = agreement.medianAbsoluteLogError
    }
  }

  /// Figures of held-out plans.
  struct Learned: Encodable {
    let trials, splits: Int
    let spearman, medianAbsLogError, coverage, meanLogWidth, outsideShare: Double

    init(_ learned: PredictorStudy.Learned) {
      trials = learned.trials
      splits = learned.splits
      spearman = learned.spearman
      medianAbsLogError = learned.medianAbsoluteLogError
      coverage = learned.coverage
      meanLogWidth = learned.meanLogWidth
      outsideShare = learned.outsideShare
    }
  }

  struct Recentred: Encodable {
    let pairs: Int
    let medianAbsLogError, medianAbsLogErrorWithout, coverage, meanLogWidth: Double

    init(_ found: PredictorStudy.Recentred) {
      pairs = found.pairs
      medianAbsLogError = found.medianAbsoluteLogError
      medianAbsLogErrorWithout = found.medianAbsoluteLogErrorWithout
      coverage = found.coverage
      meanLogWidth = found.meanLogWidth
    }
  }

  struct Row: Encodable {
    let treatedSites: Int
    let predicted, deviation, onProbe, measured: Double
  }

  let plans: Int
  let seed: UInt64
  let choicesPerSite: Int
  /// Of held-out plans after the trials, those beyond the predictor's limit left out.
  let spearman, medianAbsLogError, coverage: Double
  let probeTokens, measuredTokens: Int
  let smallestKl, largestKl: Double
  let afterTrials, withoutTrials: Learned
  /// The same with the plans run on the probe in the place of superposition.
  let runAfterTrials, runWithoutTrials: Learned
  let neighbours: Recentred?
  /// Uncorrected, over all plans, against the plan run on the probe's own tokens and on the text.
  let sameTokens, evaluationTokens: Agreement
  let rows: [Row]

  init(
    _ rows: [PredictorStudy.Row], seed: UInt64, choices: Int, trials: Int, splits: Int,
    probeTokens: Int, measuredTokens: Int
  ) {
    plans = rows.count
    self.seed = seed
    choicesPerSite = choices
    afterTrials = Learned(
      PredictorStudy.learned(rows, trials: trials, splits: splits, seed: seed))
    withoutTrials = Learned(PredictorStudy.learned(rows, trials: 0, splits: 1, seed: seed))
    let runs = rows.map(\.asRun)
    runAfterTrials = Learned(
      PredictorStudy.learned(runs, trials: trials, splits: splits, seed: seed))
    runWithoutTrials = Learned(PredictorStudy.learned(runs, trials: 0, splits: 1, seed: seed))
    neighbours = PredictorStudy.recentred(rows, trials: trials, seed: seed).map { Recentred($0) }
    spearman = afterTrials.spearman
    medianAbsLogError = afterTrials.medianAbsLogError
    coverage = afterTrials.coverage
    self.probeTokens = probeTokens
    self.measuredTokens = measuredTokens
    smallestKl = rows.map(\.measured).min() ?? 0
    largestKl = rows.map(\.measured).max() ?? 0
    sameTokens = Agreement(PredictorStudy.agreement(rows, with: \.onProbe))
    evaluationTokens = Agreement(PredictorStudy.agreement(rows, with: \.measured))
    self.rows = rows.map {
      Row(
        treatedSites: $0.treatedSites, predicted: $0.predicted, deviation: $0.deviation,
        onProbe: $0.onProbe, measured: $0.measured)
    }
  }

  func printSummary() {
    print("\(plans) plans of \(choicesPerSite) options a site, seed \(seed)")
    print("KL \(smallestKl) to \(largestKl) on \(measuredTokens) tokens")
    for (name, figures) in [
      ("without trials", withoutTrials), ("held out", afterTrials),
      ("run on the probe, without trials", runWithoutTrials),
      ("run on the probe, held out", runAfterTrials),
    ] {
      print(
        "\(name): \(figures.trials) trials, Spearman \(figures.spearman), median |log error| "
          + "\(figures.medianAbsLogError), 90 % intervals cover \(figures.coverage), width "
          + "\(figures.meanLogWidth), outside \(figures.outsideShare)")
    }
    print("held-out figures are means over \(afterTrials.splits) random orders")
    if let neighbours {
      print(
        "neighbours of measured plans: \(neighbours.pairs), median |log error| "
          + "\(neighbours.medianAbsLogError) (\(neighbours.medianAbsLogErrorWithout) without), "
          + "intervals cover \(neighbours.coverage), width \(neighbours.meanLogWidth)")
    }
    for (name, entry) in [
      ("same \(probeTokens) tokens", sameTokens),
      ("\(measuredTokens) other tokens", evaluationTokens),
    ] {
      print(
        "uncorrected, \(name): Spearman \(entry.spearman), log error \(entry.meanLogError) ± "
          + "\(entry.logErrorDeviation), median |log error| \(entry.medianAbsLogError)")
    }
  }
}
