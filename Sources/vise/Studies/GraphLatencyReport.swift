import Glibc
import ViseEvaluation
import ViseGraphs
import ViseTensor

/// What holding priors of an ONNX classifier's time against runs gave.
struct GraphLatencyReport: Encodable {
  /// Times as multiples of the time of the model as loaded.
  struct Entry: Encodable {
    let treatedSites: Int
    let predicted, measured: Double
  }

  let seed: UInt64
  /// The median and the largest of |log(predicted / measured)|.
  let medianError, largestError: Double
  let spearman: Double
  /// Plans whose run something else disturbed; they are not counted.
  let disturbed: Int
  let plans: [Entry]

  init(
    path: String, imageOptions: ImageOptions, options: RunOptions, plans: Int, seed: UInt64
  ) throws {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let images = try imageOptions.images(for: model, limit: 1, byteLimit: options.memoryByteCount)
    let study = try GraphLatencyStudy(
      model: model, image: images.batch(0..<1), pool: options.pool(),
      byteLimit: options.memoryByteCount, cancellation: Interrupt.flag)
    let progress = ProgressLine("timing plan")
    let rows = try study.run(
      PredictorStudy.plans(
        plans, sites: model.sites.map(\.site), options: study.options, seed: seed)
    ) { progress.report($0, of: $1) }
    let errors = rows.map { abs(log($0.predicted / $0.measured)) }.sorted()
    guard let largest = errors.last else { throw InputError.nothingTimed }
    self.seed = seed
    disturbed = plans - rows.count
    medianError = errors[errors.count / 2]
    largestError = largest
    spearman = spearmanCorrelation(rows.map(\.predicted), rows.map(\.measured))
    self.plans = rows.map {
      Entry(treatedSites: $0.treatedSites, predicted: $0.predicted, measured: $0.measured)
    }
  }

  func printSummary() {
    print("\(plans.count) plans, \(disturbed) more disturbed, seed \(seed), one image at a time")
    print("median |log error| \(medianError), largest \(largestError), Spearman \(spearman)")
  }
}
