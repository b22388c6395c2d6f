import ViseCompression
public import ViseEvaluation
import ViseModels

/// Names a search by all that its outcome follows from, so that another one never takes its journal.
public struct SearchIdentity: Hashable, Sendable {
  /// 32 digits.
  public let text: String

  /// How long or how many plans a search may take is no part of it: it can be continued with more.
  ///
  /// - Parameters:
  ///   - setting: names the model, what it is measured on, and what of the program measures.
  ///   - batchSize: plans measured at once, on which depends what is proposed.
  public init(request: SearchRequest, setting: String, batchSize: Int = 1) {
    var hash = WordHash()
    hash.combine("\(setting) \(Self.version)\n")
    hash.combine("\(request.goal) \(request.strategy.rawValue) \(request.seed)\n")
    if batchSize > 1 { hash.combine("batch \(batchSize)\n") }
    let costs = request.costs
    hash.combine("\(costs.resources.map(\.rawValue)) \(costs.limits.map(\.bitPattern))\n")
    for (name, treatment) in costs.space.base.treatments.sorted(by: { $0.key < $1.key }) {
      hash.combine("\(name) \(treatment.name)\n")
    }
    for unit in costs.space.units {
      hash.combine("\(unit.sites) \(unit.options.map { $0.treatments.map(\.name) })\n")
    }
    self.text = hash.hexadecimal
  }

  public init(
    request: SearchRequest, session: ModelSession, text: EvaluationText, batchSize: Int = 1
  ) {
    self.init(
      request: request, setting: "\(session.evaluationIdentity) \(text.evaluationIdentity)",
      batchSize: batchSize)
  }

  /// Changes where strategies propose other plans than before.
  private static let version = 2
}
