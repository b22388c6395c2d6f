import Foundation
import GRDB
import Testing
import ViseTrials

private func trial(_ plan: String, text: String = "t", kl: Double = 0.5, tokens: Int = 512) -> Trial
{
  Trial(
    key: TrialKey(model: "m", setting: "s", plan: plan, text: text, code: "1"),
    plan: "version = 1\n", klMean: TrialFigure(value: kl, lower: kl / 2, upper: 2 * kl, level: 0.9),
    perplexityRatio: TrialFigure(value: 1.1), tokenCount: tokens, origin: "test", date: 1)
}

private let prediction = TrialPrediction(
  probe: "p", throughHead: 0.4, instant: 0.45, run: 0.42,
  alone: ["blk.0": TrialPrediction.SiteShare(treatment: "q4_K", klMean: 0.01)])

/// Opens the store of `folder` and collects what is reported.
private func open(_ folder: String) -> (
  store: TrialStore?, faults: [TrialStoreError], moved: [String]
) {
  var (faults, moved): ([TrialStoreError], [String]) = ([], [])
  let store = TrialStore.open(folder: folder) { error, target in
    faults.append(error)
    if let target { moved.append(target) }
  }
  return (store, faults, moved)
}

@Test func aTrialIsFoundAgainAsItWas() throws {
  try withFolder { folder in
    var added = trial("p1")
    added.prediction = prediction
    try #require(open(folder).store).add(added)
    let store = try #require(open(folder).store)
    #expect(try store.trial(added.key) == added)
    #expect(try store.trial(trial("p2").key) == nil)
    #expect(try store.trial(trial("p1", text: "other").key) == nil)
  }
}

@Test func measuringAgainKeepsOneRowAndWhatWasPredicted() throws {
  try withFolder { folder in
    let store = try #require(open(folder).store)
    var first = trial("p1")
    first.prediction = prediction
    try store.add(first)
    try store.add(trial("p1", kl: 0.6))
    #expect(try store.count() == 1)
    let found = try #require(try store.trial(first.key))
    #expect(found.klMean.value == 0.6 && found.prediction == prediction)
  }
}

@Test func trialsOfAProbeComeOldestFirstAndBounded() throws {
  try withFolder { folder in
    let store = try #require(open(folder).store)
    for index in 0..<5 {
      var added = trial("p\(index)")
      added.date = Double(index)
      added.prediction = prediction
      try store.add(added)
    }
    try store.add(trial("unpredicted"))
    let found = try store.trials(model: "m", setting: "s", code: "1", probe: "p", limit: 3)
    #expect(found.map(\.key.plan) == ["p2", "p3", "p4"])
    #expect(try store.trials(model: "m", setting: "s", code: "2", probe: "p", limit: 3).isEmpty)
  }
}

@Test func twoStoresOnOneFileSeeEachOthersTrials() throws {
  try withFolder { folder in
    let (one, other) = (try #require(open(folder).store), try #require(open(folder).store))
    try one.add(trial("p1"))
    try other.add(trial("p2"))
    #expect(try one.count() == 2 && other.count() == 2)
  }
}

@Test(arguments: [0, 1, 90, 100, 4096, 8000])
func aDamagedFileIsSetAsideWithItsBytes(place: Int) throws {
  try withFolder { folder in
    let path = "\(folder)/\(TrialStore.fileName)"
    do {
      let store = try #require(open(folder).store)
      for index in 0..<40 { try store.add(trial("p\(index)")) }
    }
    var bytes = try Data(contentsOf: URL(filePath: path))
    for offset in place..<min(place + 64, bytes.count) { bytes[offset] = 0xff }
    try bytes.write(to: URL(filePath: path))
    let (store, faults, moved) = open(folder)
    guard faults.isEmpty else {
      #expect(faults.count == 1 && moved.count == 1)
      let isSame = try Data(contentsOf: URL(filePath: #require(moved.first))) == bytes
      #expect(isSame)
      #expect(try #require(store).count() == 0)
      try #require(store).add(trial("new"))
      return
    }
    // Damage that leaves a sound database must leave all rows too.
    #expect(try #require(store).count() == 40)
    #expect(place == 90, "damage at \(place) was not noticed")
  }
}

@Test func aFileThatIsNoDatabaseIsSetAside() throws {
  try withFolder { folder in
    try "no database at all, but long enough to be read as a header of one".write(
      toFile: "\(folder)/\(TrialStore.fileName)", atomically: true, encoding: .utf8)
    let (store, faults, moved) = open(folder)
    guard case .damaged = try #require(faults.first) else {
      Issue.record("\(faults)")
      return
    }
    #expect(moved.count == 1)
    #expect(try #require(store).count() == 0)
  }
}

@Test func aStoreOfAnOlderProgramGainsWhatItLacks() throws {
  try withFolder { folder in
    try #require(open(folder).store).add(trial("p1"))
    do {
      let queue = try DatabaseQueue(path: "\(folder)/\(TrialStore.fileName)")
      try queue.write { try $0.execute(sql: "ALTER TABLE trial DROP COLUMN predicted_run") }
    }
    let (store, faults, moved) = open(folder)
    #expect(faults.isEmpty && moved.isEmpty)
    var added = trial("p2")
    added.prediction = prediction
    try #require(store).add(added)
    #expect(try store?.trial(added.key) == added)
    #expect(try store?.trial(trial("p1").key) == trial("p1"))
  }
}

@Test func aNewerSchemaIsSetAsideAndKeepsItsRows() throws {
  try withFolder { folder in
    let path = "\(folder)/\(TrialStore.fileName)"
    try #require(open(folder).store).add(trial("p1"))
    do {
      let queue = try DatabaseQueue(path: path)
      try queue.write { try $0.execute(sql: "PRAGMA user_version = 7") }
    }
    #expect(throws: TrialStoreError.newerSchema(path: path, version: 7, known: 1)) {
      try TrialStore(path: path)
    }
    let (store, faults, moved) = open(folder)
    #expect(faults == [.newerSchema(path: path, version: 7, known: 1)])
    #expect(try #require(store).count() == 0)
    let aside = try DatabaseQueue(path: #require(moved.first))
    #expect(try aside.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM trial") } == 1)
  }
}

@Test func aFileInUseIsNotMovedFromUnderItsUser() throws {
  try withFolder { folder in
    let path = "\(folder)/\(TrialStore.fileName)"
    let user = try #require(open(folder).store)
    do {
      let queue = try DatabaseQueue(path: path)
      try queue.write { try $0.execute(sql: "PRAGMA user_version = 7") }
    }
    let (store, faults, moved) = open(folder)
    #expect(store == nil && moved.isEmpty && faults.count == 1)
    try user.add(trial("p1"))
    #expect(try user.count() == 1)
  }
}

@Test func aDatabaseOfSomethingElseIsSetAside() throws {
  try withFolder { folder in
    let path = "\(folder)/\(TrialStore.fileName)"
    do {
      let queue = try DatabaseQueue(path: path)
      try queue.write { try $0.execute(sql: "CREATE TABLE other (id INTEGER)") }
    }
    let (store, faults, moved) = open(folder)
    #expect(faults == [.foreign(path: path)] && moved.count == 1)
    #expect(try #require(store).count() == 0)
  }
}

@Test func aFolderThatCannotBeMadeOnlyCostsTheStore() throws {
  try withFolder { folder in
    let file = folder + "/file"
    try "".write(toFile: file, atomically: true, encoding: .utf8)
    let (store, faults, _) = open(file + "/below")
    #expect(store == nil)
    guard case .unavailable = try #require(faults.first) else {
      Issue.record("\(faults)")
      return
    }
  }
}
