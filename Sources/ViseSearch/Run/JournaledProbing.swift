import ViseCompression
import ViseEvaluation
import ViseTensor

/// Losses of single sites, of which none is measured again that a journal knows.
final class JournaledProbing: LossProbing {
  /// Seconds the search has run for, kept with what is measured.
  var seconds = 0.0
  /// Those of a run that was stopped, until it had what the journal knows.
  let priorSeconds: Double
  private let probing: any LossProbing
  private let journal: SearchJournal?
  private var known: [Key: Double]
  /// What the journal knows and nobody has asked for yet.
  private var waiting: Set<Key>

  private struct Key: Hashable {
    let site: Int
    let treatment: String
  }

  init(_ probing: any LossProbing, journal: SearchJournal?) {
    self.probing = probing
    self.journal = journal
    let effects = journal?.effects ?? []
    priorSeconds = effects.last?.seconds ?? 0
    known = Dictionary(
      effects.map { (Key(site: $0.site, treatment: $0.treatment), $0.loss) },
      uniquingKeysWith: { first, _ in first })
    waiting = Set(known.keys)
  }

  /// Losses that are yet to be answered from the journal.
  var waitingCount: Int { waiting.count }

  func loss(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> Double {
    let key = Key(site: site.index, treatment: treatment.name)
    waiting.remove(key)
    if let known = known[key] { return known }
    let loss = try probing.loss(of: site, under: treatment, cancellation: cancellation)
    try journal?.add(
      SearchJournal.Effect(
        site: key.site, treatment: key.treatment, loss: loss, seconds: seconds))
    known[key] = loss
    return loss
  }
}
