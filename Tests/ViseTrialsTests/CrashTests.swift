import Foundation
import Testing

@Test func twoProcessesThatAddAtOnceLoseNothing() throws {
  try withFolder { folder in
    let count = 60
    let writers = try ["a", "b"].map {
      try StoreProcess(["add", folder, $0, String(count)])
    }
    for writer in writers {
      let kept = writer.lines(.max)
      let end = writer.end()
      #expect(kept == count && end.code == 0, "\(end.errors)")
    }
    let check = try StoreProcess(["check", folder, "a=\(count)", "b=\(count)"]).end()
    #expect(check.code == 0, "\(check.errors)")
  }
}

/// Two writers at a time are killed at random moments; what they said they had kept is there.
///
/// `VISE_KILLS=200` makes it 200 kills, `VISE_SEED` repeats a run's moments.
@Test func whatWasAcknowledgedSurvivesKills() throws {
  let variables = ProcessInfo.processInfo.environment
  let kills = variables["VISE_KILLS"].flatMap { Int($0) } ?? 8
  let seed = variables["VISE_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0 ... .max)
  var random = SeededNumbers(state: seed)
  try withFolder { folder in
    var kept: [String] = []
    for round in 0..<(kills + 1) / 2 {
      let names = ["a\(round)", "b\(round)"]
      let writers = try names.map { try StoreProcess(["add", folder, $0, "100000"]) }
      for (name, writer) in zip(names, writers) {
        let read = writer.lines(Int.random(in: 0...12, using: &random))
        spin(microseconds: Int.random(in: 0...4000, using: &random))
        kept.append("\(name)=\(read + writer.kill())")
      }
      let check = try StoreProcess(["check", folder] + kept.suffix(6)).end()
      #expect(check.code == 0, "seed \(seed), round \(round): \(check.errors)")
    }
    let check = try StoreProcess(["check", folder] + kept).end()
    #expect(check.code == 0, "seed \(seed): \(check.errors)")
    let total = kept.compactMap { Int($0.split(separator: "=")[1]) }.reduce(0, +)
    #expect(total > 0, "nothing was ever acknowledged: the kills came too early to show anything")
    if kills > 8 { print("\(kills) kills, seed \(seed): \(total) acknowledged items are there") }
  }
}

@Test func theCheckSeesWhatIsMissing() throws {
  try withFolder { folder in
    #expect(try StoreProcess(["add", folder, "a", "2"]).end().code == 0)
    #expect(try StoreProcess(["check", folder, "a=2"]).end().code == 0)
    let check = try StoreProcess(["check", folder, "a=3"]).end()
    #expect(check.code == 1 && check.errors.contains("a 2"))
  }
}

/// Lets a moment pass that no scheduler rounds.
private func spin(microseconds: Int) {
  let end = ContinuousClock.now + .microseconds(microseconds)
  while ContinuousClock.now < end {}
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
private struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
