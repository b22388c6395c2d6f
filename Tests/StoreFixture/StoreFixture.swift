import Glibc
import ViseCompression
import ViseModels
import ViseTensor
import ViseTrials

// Adds to the stores in a folder until it is killed, or checks what earlier runs left there.
//
//   StoreFixture add FOLDER NAME COUNT       prints a line for each item that was kept
//   StoreFixture check FOLDER NAME=KEPT …    exits 0 where each name has its first KEPT items
@main
enum StoreFixture {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4 else { fail("too few arguments") }
    let items = Items(folder: arguments[2])
    switch arguments[1] {
    case "add":
      guard arguments.count == 5, let count = Int(arguments[4]) else { fail("add takes a count") }
      for index in 0..<count {
        items.add(arguments[3], index)
        print("\(index)")
        fflush(nil)
      }
    case "check":
      for argument in arguments[3...] {
        let parts = argument.split(separator: "=")
        guard parts.count == 2, let kept = Int(parts[1]) else { fail("check takes NAME=KEPT") }
        for index in 0..<kept { items.check(String(parts[0]), index) }
      }
    default: fail("unknown mode \(arguments[1])")
    }
  }

  static func fail(_ reason: String) -> Never {
    let text = Array("StoreFixture: \(reason)\n".utf8)
    _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(1)
  }
}

/// The three things Vise keeps on disk, filled with values that follow from a name and an index.
private struct Items {
  let store: TrialStore
  let effects: FileCache
  let levels: LevelDatabase

  init(folder: String) {
    let store = TrialStore.open(folder: folder) { error, target in
      StoreFixture.fail("\(error), moved to \(target ?? "nowhere")")
    }
    guard let store else { StoreFixture.fail("no store") }
    self.store = store
    effects = FileCache(folder: folder + "/effects", suffix: "effect", byteBudget: 1 << 30)
    levels = LevelDatabase(folder: folder + "/levels")
  }

  func add(_ name: String, _ index: Int) {
    do {
      try store.add(trial(name, index))
    } catch {
      StoreFixture.fail("\(error)")
    }
    effects.write([effect(name, index)], key: "\(name) \(index)")
    _ = level(name, index, in: levels)
  }

  func check(_ name: String, _ index: Int) {
    let expected = trial(name, index)
    let found = try? store.trial(expected.key)
    if found != expected { StoreFixture.fail("trial \(name) \(index) is missing or changed") }
    let effect = effect(name, index)
    guard let part = effects.read("\(name) \(index)", byteCounts: [effect.count])?.first,
      part.bytes.elementsEqual(effect.bytes)
    else { StoreFixture.fail("effect \(name) \(index) is missing or changed") }
    let hits = levels.hitCount
    let isEqual = level(name, index, in: levels) == level(name, index, in: nil)
    if levels.hitCount != hits + 1 || !isEqual {
      StoreFixture.fail("level \(name) \(index) is missing or changed")
    }
  }

  private func random(_ name: String, _ index: Int) -> RandomSource {
    var hash = FNV1a()
    hash.combine(Array("\(name) \(index)".utf8))
    return RandomSource(seed: hash.value)
  }

  /// A trial of one to a few pages.
  private func trial(_ name: String, _ index: Int) -> Trial {
    var random = random(name, index)
    let lines = (0..<Int.random(in: 1...300, using: &random)).map { "\"site.\($0)\" = \"q4_K\"" }
    let kl = random.nextUnit()
    return Trial(
      key: TrialKey(model: "m", setting: "s", plan: "\(name) \(index)", text: "t", code: "1"),
      plan: lines.joined(separator: "\n"),
      klMean: TrialFigure(value: kl, lower: kl / 2, upper: 2 * kl, level: 0.9),
      tokenCount: index, origin: "fixture", date: Double(index))
  }

  private func effect(_ name: String, _ index: Int) -> ByteBuffer {
    var random = random(name, index)
    let buffer = ByteBuffer(count: Int.random(in: 1...200_000, using: &random))
    for place in 0..<buffer.count {
      buffer.slice(place, count: 1)[0] = UInt8(truncatingIfNeeded: place &* index)
    }
    return buffer
  }

  /// Values of a random weight at 4 bits, kept in `database`.
  private func level(_ name: String, _ index: Int, in database: LevelDatabase?) -> [Float] {
    let site = Site(
      index: 0, name: "site", role: .ffnUp, block: 0, rows: 64, columns: 256, stored: .f32)
    var random = random(name, index)
    let weight = Matrix(rows: site.rows, columns: site.columns)
    for place in 0..<weight.count { weight.pointer[place] = Float(random.nextUnit()) }
    let treatment = Treatment(format: .ggml(.q4_0))
    let compression = SiteCompression(
      treatment: treatment, calibration: nil, factors: InputFactorCache(),
      work: RowWork(pool: nil))
    do {
      guard let database else {
        return try compression.compress(weight, site: site).values().values
      }
      return try database.compress(weight, site: site, treatment: treatment, calibration: nil) {
        try compression.compress(weight, site: site)
      }.values().values
    } catch {
      StoreFixture.fail("\(error)")
    }
  }
}
