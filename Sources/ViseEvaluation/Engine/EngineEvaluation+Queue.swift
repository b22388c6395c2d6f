import ViseCompression
import ViseEstimates
import ViseModels

extension EngineEvaluation {
  /// What is left to do for the plan on screen, in the order `step` does it.
  func queue(_ wishes: EngineInbox.Wishes) -> [QueuedWork] {
    var queue: [QueuedWork] = []
    func add(_ kind: QueuedWork.Kind, _ count: Int) {
      if count > 0 { queue.append(QueuedWork(kind: kind, remaining: count)) }
    }
    let windows = evaluator.text.windowCount
    let first = min(Self.firstWindows, windows)
    let isMeasurable = !isReference(wishes.plan)
    let done = isMeasurable ? measuredWindows(of: wishes.plan) : windows
    add(.planEffects, predictor.missingEffects(of: wishes.plan).count)
    add(.prediction, done == 0 && predictedRevision != wishes.revision ? 1 : 0)
    add(.firstMeasurement, first - done)
    let selected = Set(wishes.attention.prefix(1))
    let visible = Set(wishes.attention).subtracting(selected)
    add(.selectedFormats, unknownFormats(of: selected))
    add(.visibleFormats, unknownFormats(of: visible))
    add(.timing, meter?.remainingRuns ?? 0)
    add(.fullMeasurement, windows - max(done, first))
    let others = Set(model.sites.indices).subtracting(selected).subtracting(visible)
    add(.otherFormats, unknownFormats(of: others))
    return queue
  }

  /// Common formats of these sites whose effects are not known yet.
  private func unknownFormats(of sites: Set<Int>) -> Int {
    sites.filter(model.sites.indices.contains).reduce(0) { count, index in
      let site = model.sites[index]
      let unknown = DefaultFormat.bitWidths.count { bits in
        guard let asked = DefaultFormat.asked(bits: bits),
          let format = DefaultFormat.resolve(asked, for: site)?.used,
          format != .ggml(site.stored)
        else { return false }
        return predictor.effects.measured(site: index, treatment: Treatment(format: format)) == nil
      }
      return count + unknown
    }
  }
}

/// Tells front ends what waits: at once after a wish, else at most four times a second.
struct EngineQueueReporter {
  private static let interval = Duration.milliseconds(250)

  let emit: @Sendable (EngineEvent) -> Void
  private var reported: [QueuedWork] = []
  private var version = -1
  private var last = ContinuousClock.now

  init(emit: @escaping @Sendable (EngineEvent) -> Void) {
    self.emit = emit
  }

  /// Reports what waits, if that is due.
  ///
  /// - Parameter isSearching: whether a search has begun that is neither paused nor given up.
  mutating func report(
    _ wishes: EngineInbox.Wishes, isSearching: Bool, evaluation: EngineEvaluation?
  ) {
    let now = ContinuousClock.now
    guard wishes.version != version || now - last >= Self.interval else { return }
    (version, last) = (wishes.version, now)
    var queue: [QueuedWork] = []
    if wishes.inspection != nil { queue.append(QueuedWork(kind: .inspection, remaining: nil)) }
    if !wishes.spectra.isEmpty {
      queue.append(QueuedWork(kind: .spectra, remaining: wishes.spectra.count))
    }
    if !wishes.exports.isEmpty {
      queue.append(QueuedWork(kind: .export, remaining: wishes.exports.count))
    }
    queue += evaluation?.queue(wishes) ?? []
    if isSearching {
      let order = QueuedWork.Kind.allCases
      let place = order.firstIndex(of: .search) ?? 0
      let before = queue.prefix { (order.firstIndex(of: $0.kind) ?? 0) < place }
      queue.insert(QueuedWork(kind: .search, remaining: nil), at: before.count)
    }
    send(queue)
  }

  /// Reports that nothing is left.
  mutating func reportIdle() { send([]) }

  private mutating func send(_ queue: [QueuedWork]) {
    guard queue != reported else { return }
    reported = queue
    emit(.queue(queue))
  }
}
