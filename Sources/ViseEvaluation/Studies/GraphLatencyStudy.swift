public import ViseCompression
import ViseEstimates
public import ViseGraphs
public import ViseTensor

/// Compares priors of a classifier's time with runs of random plans, one image at a time.
public struct GraphLatencyStudy {
  /// One plan's time, as multiples of the time of the model as loaded.
  public struct Row: Sendable {
    public let treatedSites: Int
    public let predicted: Double
    /// Against runs of the model as loaded just before and just after.
    public let measured: Double
  }

  private let model: GraphModel
  private let timer: GraphTimer
  private let prior: GraphTimePrior
  private let pool: ComputePool
  private let cancellation: CancellationFlag

  /// - Parameter image: a batch of one.
  public init(
    model: GraphModel, image: Tensor, pool: ComputePool, byteLimit: Int,
    cancellation: CancellationFlag
  ) throws {
    self.model = model
    self.pool = pool
    self.cancellation = cancellation
    timer = GraphTimer(image: image, pool: pool, byteLimit: byteLimit)
    prior = try GraphTimePrior(
      model, input: image,
      context: GraphContext(
        pool: nil, memory: nil, byteLimit: byteLimit, cancellation: cancellation))
  }

  /// By site, treatments that change how much there is to compute, from the mildest to the harshest.
  public var options: [[Treatment]] {
    model.sites.map { site in
      let rank = min(site.site.rows, site.site.columns)
      let names =
        ["int8:channel"] + [0.25, 0.5, 0.75].map { "prune=\($0) pattern=channels" }
        + (site.site.channels == nil && site.site.rowLink == nil
          ? [2, 4].map { "rank=\(max(rank / $0, 1))" } : [])
      return names.compactMap { Treatment(name: $0) }.filter { $0.problem(for: site.site) == nil }
    }
  }

  /// The model as loaded takes so much longer, or less long, where something else disturbs the machine.
  private static let disturbance = 1.1

  /// Predicts and times each plan; those that something disturbed are left out.
  public func run(_ plans: [Plan], progress: (Int, Int) -> Void) throws -> [Row] {
    var before = try seconds(of: Plan())
    return try plans.enumerated().compactMap { index, plan in
      let measured = try seconds(of: plan)
      let after = try seconds(of: Plan())
      defer { before = after }
      progress(index + 1, plans.count)
      guard max(before, after) < Self.disturbance * min(before, after) else { return nil }
      return Row(
        treatedSites: plan.treatments.count, predicted: prior.ratio(of: plan),
        measured: 2 * measured / (before + after))
    }
  }

  private func seconds(of plan: Plan) throws -> Double {
    let planned = try PlannedGraph(
      model, plan: plan, work: RowWork(pool: pool, cancellation: cancellation))
    return try timer.latency(of: planned, cancellation: cancellation).decodeSecondsPerToken.value
  }
}
