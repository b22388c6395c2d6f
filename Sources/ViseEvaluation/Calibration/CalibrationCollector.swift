import Glibc
import Synchronization
import ViseFormats
import ViseModels
public import ViseTensor

/// Runs a model over a text and writes the statistics of its linear inputs to a file.
///
/// Windows run on all of the session's threads, but each input's sums take them in their order:
/// the file does not depend on the number of threads, nor on interruptions. Where the sums of all
/// inputs exceed their share of the memory, groups of inputs are collected in passes, each from
/// where the one before left its windows as far as a quarter of that share holds them.
public struct CalibrationCollector: Sendable {
  /// Where and how the file is written.
  public struct Settings: Sendable {
    public var path: String
    public var replacing = false
    /// Bytes the sums may take; the least is one input's.
    public var sumsByteCount: Int
    /// Sums of unfinished work are saved beside the file no more often than this.
    public var saveInterval = Duration.seconds(30)
    /// Where the text comes from, in words.
    public var source: String

    public init(path: String, sumsByteCount: Int, source: String) {
      self.path = path
      self.sumsByteCount = sumsByteCount
      self.source = source
    }
  }

  /// What a run did.
  public struct Summary: Hashable, Sendable {
    public let tokenCount: Int
    public let windowCount: Int
    /// Inputs with statistics of their own, and the sites that read them.
    public let inputCount: Int
    public let siteCount: Int
    public let passCount: Int
    /// Windows an interrupted run had done, over all passes.
    public let resumedWindowCount: Int
    public let byteCount: Int
  }

  let session: ModelSession
  let text: EvaluationText
  let settings: Settings
  let inputs: CalibrationInputs
  let groups: [Range<Int>]
  private let header: CalibrationHeader
  private let grams: TextGrams
  private let workers: WorkerSet

  public init(
    session: ModelSession, text: EvaluationText, settings: Settings
  ) throws(CalibrationError) {
    self.session = session
    self.text = text
    self.settings = settings
    inputs = CalibrationInputs(session.model, session.program.graph)
    guard !inputs.all.isEmpty else { throw .noInputs }
    let whole = inputs.groups(byteBudget: settings.sumsByteCount)
    groups =
      whole.count == 1 ? whole : inputs.groups(byteBudget: settings.sumsByteCount / 4 * 3)
    header = CalibrationHeader(model: session.model, text: text, source: settings.source)
    grams = TextGrams(tokens: text.tokens.prefix(text.windowCount * text.windowLength))
    workers = WorkerSet(session: session)
  }

  /// Collects and writes; picks up what an interrupted run of the same work left.
  ///
  /// `progress` is called from worker threads with the windows done and those of all passes.
  public func run(
    cancellation: CancellationFlag, progress: @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws -> Summary {
    try checkPlace()
    let total = groups.count * text.windowCount
    var resumed = 0
    var last: GroupSums?
    var starts: CutValues?
    for index in groups.indices {
      let group = partial(index) ?? GroupSums(inputs.all[groups[index]])
      resumed += group.windowsDone
      let next = index + 1 < groups.count ? cutValues(before: index + 1) : nil
      try collect(group, index: index, starts, next, cancellation) {
        progress(index * text.windowCount + $0, total)
      }
      // A group that starts behind the same cut starts from the same values.
      starts = next?.cut == starts?.cut ? starts : next
      if let name = group.firstNotFinite { throw CalibrationError.notFinite(name: name) }
      last = group
      if groups.count > 1 { try save(group, index: index) }
    }
    let byteCount = try writeAll(last)
    for index in groups.indices { unlink(partialPath(index)) }
    return Summary(
      tokenCount: text.windowCount * text.windowLength, windowCount: text.windowCount,
      inputCount: inputs.all.count, siteCount: inputs.indices.count, passCount: groups.count,
      resumedWindowCount: resumed, byteCount: byteCount)
  }

  /// Fails before any work where the file could not be written at its end.
  private func checkPlace() throws(WriteError) {
    if !settings.replacing, access(settings.path, F_OK) == 0 {
      throw .alreadyExists(path: settings.path)
    }
    let slash = settings.path.lastIndex(of: "/")
    let folder = slash.map { String(settings.path[...$0]) } ?? "."
    guard access(folder, W_OK) == 0 else {
      throw .cannotCreate(path: settings.path, code: errno)
    }
  }

  /// Adds the windows a group still lacks.
  private func collect(
    _ group: GroupSums, index: Int, _ starts: CutValues?, _ next: CutValues?,
    _ cancellation: CancellationFlag, progress: @Sendable (Int) -> Void
  ) throws {
    let round = 8 * session.pool.threadCount
    var saved = ContinuousClock.now
    while group.windowsDone < text.windowCount {
      let start = group.windowsDone
      let windows = start..<min(start + round, text.windowCount)
      try CalibrationRound(
        session: session, text: text, workers: workers, group: group, windows: windows,
        starts: starts, next: next?.cut == starts?.cut ? nil : next
      ).run(cancellation) { progress(start + $0) }
      group.windowsDone = windows.upperBound
      if group.windowsDone < text.windowCount,
        ContinuousClock.now - saved >= settings.saveInterval
      {
        try save(group, index: index)
        saved = .now
      }
    }
  }

  /// A place for the values at the last cut before a group's first input.
  private func cutValues(before index: Int) -> CutValues? {
    let graph = session.program.graph
    let node = inputs.all[groups[index].lowerBound].node
    guard let cut = graph.cuts.lastIndex(where: { $0.node <= node }) else { return nil }
    let bytes = text.windowLength * session.program.configuration.width * 4
    return CutValues(
      cut: cut, node: graph.cuts[cut].node, windowLimit: settings.sumsByteCount / 4 / bytes)
  }

  /// Writes the finished file, taking each input's sums from memory or from its group's file.
  private func writeAll(_ last: GroupSums?) throws -> Int {
    var finished = header
    finished.windowsDone = text.windowCount
    var open: (index: Int, group: GroupSums)?
    return try CalibrationStorage.write(
      finished, inputs: inputs.all[...], grams: grams, to: settings.path,
      replacing: settings.replacing
    ) { input in
      if let sums = last?.sums(of: input) { return sums }
      let index = groups.firstIndex { inputs.all[$0].contains(input) } ?? 0
      if open?.index != index { open = partial(index).map { (index, $0) } }
      guard let sums = open?.group.sums(of: input) else {
        throw CalibrationError.unusableInput(path: partialPath(index), name: input.name)
      }
      return sums
    }
  }
}

extension CalibrationCollector {
  /// Where unfinished sums of a group are kept: beside the file they are for.
  func partialPath(_ group: Int) -> String {
    settings.path + ".partial" + (group == 0 ? "" : "-\(group + 1)")
  }

  private func save(_ group: GroupSums, index: Int) throws {
    var partial = header
    partial.windowsDone = group.windowsDone
    _ = try CalibrationStorage.write(
      partial, inputs: inputs.all[groups[index]], grams: TextGrams(hashes: []),
      to: partialPath(index), replacing: true
    ) { input in
      guard let sums = group.sums(of: input) else {
        preconditionFailure("a group has the sums of its inputs")
      }
      return sums
    }
  }

  /// What is left of an earlier run of the same work; `nil` where there is nothing to be used.
  private func partial(_ index: Int) -> GroupSums? {
    let wanted = inputs.all[groups[index]]
    guard let file = try? Checkpoint.openSafetensorsFile(partialPath(index)),
      let found = CalibrationHeader(file.metadata), found.agrees(with: header),
      let sums = try? wanted.map({ try CalibrationStorage.read($0, from: file) })
    else { return nil }
    return GroupSums(wanted, sums: sums, windowsDone: found.windowsDone)
  }
}

/// The sums of the inputs that are collected in one pass.
final class GroupSums {
  let inputs: ArraySlice<CalibrationInput>
  let sums: [InputSums]
  var windowsDone: Int
  /// The place of each input among `sums`, by the weight it is named for.
  let places: [String: Int]

  init(_ inputs: ArraySlice<CalibrationInput>, sums: [InputSums]? = nil, windowsDone: Int = 0) {
    self.inputs = inputs
    self.sums = sums ?? inputs.map { InputSums(columns: $0.columns) }
    self.windowsDone = windowsDone
    places = Dictionary(
      uniqueKeysWithValues: inputs.enumerated().map { ($1.name, $0) })
  }

  func sums(of input: CalibrationInput) -> InputSums? {
    places[input.name].map { sums[$0] }
  }

  /// The last node a pass must run.
  var lastNode: Int? { inputs.last?.node }

  var firstNotFinite: String? {
    zip(inputs, sums).first { !$1.isFinite }?.0.name
  }
}

// SAFETY: `windowsDone` changes between rounds, on the one thread that runs them.
extension GroupSums: @unchecked Sendable {}
