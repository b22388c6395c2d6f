import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Levels on disk: found again bit for bit, bounded, and never believed when damaged.
@Suite struct LevelDatabaseTests {
  private let directory: TemporaryDirectory
  private let model: Model
  private let site: Site
  private let weight: Matrix
  private let work = RowWork(pool: nil)

  init() throws {
    directory = try TemporaryDirectory()
    model = try FixtureModel(name: "llama").gguf()
    site = try #require(model.site(named: "blk.0.ffn_up.weight"))
    weight = try model.decodeWeight(site.name)
  }

  private var folder: String { directory.file("cache/levels") }

  private func treatment(_ name: String = "int4:g8") throws -> Treatment {
    try #require(Treatment(name: name))
  }

  private func make(_ treatment: Treatment) throws -> CompressedSite {
    try SiteCompression(
      treatment: treatment, calibration: nil, factors: InputFactorCache(), work: work
    ).compress(weight, site: site)
  }

  /// The level's values, and whether they had to be made.
  private func level(
    _ name: String = "int4:g8", in database: LevelDatabase, calibration: String? = nil,
    of weight: Matrix? = nil
  ) throws -> (values: [Float], isMade: Bool) {
    let treatment = try treatment(name)
    var isMade = false
    let found = try database.compress(
      weight ?? self.weight, site: site, treatment: treatment, calibration: calibration
    ) {
      isMade = true
      return try SiteCompression(
        treatment: treatment, calibration: nil, factors: InputFactorCache(), work: work
      ).compress(weight ?? self.weight, site: site)
    }
    return (try found.values().values, isMade)
  }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  @Test func aLevelIsMadeOnceForAllSessions() throws {
    let made = try level(in: LevelDatabase(folder: folder))
    let found = try level(in: LevelDatabase(folder: folder))
    #expect(made.isMade && !found.isMade)
    #expect(made.values == found.values)
    #expect(files.count == 1)
  }

  @Test func whateverDecidesTheValuesIsPartOfTheKey() throws {
    let database = LevelDatabase(folder: folder)
    _ = try level(in: database)
    #expect(try level("int4:g16", in: database).isMade)
    #expect(try level("format=int4:g8 method=rtn", in: database).isMade)
    #expect(try level(in: database, calibration: "abc").isMade)
    #expect(try level(in: database, calibration: "abd").isMade)
    let other = weight.copy()
    other.pointer[0] += 1
    #expect(try level(in: database, of: other).isMade)
    #expect(try !level(in: database).isMade)
    #expect(database.hitCount == 1)
    #expect(files.count == 6)
  }

  /// What `kill -9`, a full disk or a bad one may leave.
  @Test func damagedLevelsAreMadeAgain() throws {
    let database = LevelDatabase(folder: folder)
    let expected = try level(in: database).values
    let path = "\(folder)/\(try #require(files.first))"
    let whole = try Data(contentsOf: URL(filePath: path))
    let cuts = [0, 1, 7, 8, 15, 40, whole.count / 2, whole.count - 1]
    var damaged = cuts.map { whole.prefix($0) } + [whole + [0]]
    for place in stride(from: 0, to: whole.count, by: 37) {
      var copy = whole
      copy[place] ^= 0x10
      damaged.append(copy)
    }
    for data in damaged {
      try Data(data).write(to: URL(filePath: path))
      let again = try level(in: database)
      #expect(again.isMade)
      #expect(again.values == expected)
      #expect(try Data(contentsOf: URL(filePath: path)) == whole)
    }
  }

  @Test func unfinishedFilesAreNotRead() throws {
    let database = LevelDatabase(folder: folder)
    _ = try level(in: database)
    let path = "\(folder)/\(try #require(files.first))"
    try FileManager.default.moveItem(atPath: path, toPath: path + ".1.2.part")
    #expect(try level(in: database).isMade)
    #expect(files.count == 2)
  }

  @Test func whatWasUnusedForLongestGoesFirst() throws {
    let names = ["int4:g8", "int4:g16", "int4:g32", "int4:channel"]
    let unbounded = LevelDatabase(folder: folder)
    for (age, name) in names.enumerated() {
      let before = Set(files)
      _ = try level(name, in: unbounded)
      let file = try #require(Set(files).subtracting(before).first)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1e9 + Double(age))],
        ofItemAtPath: "\(folder)/\(file)")
    }
    // Using the oldest makes it the youngest.
    #expect(try !level(names[0], in: unbounded).isMade)
    let bounded = LevelDatabase(folder: folder, byteBudget: try folderByteCount())
    #expect(try level("int4:g8:asym", in: bounded).isMade)
    #expect(try folderByteCount() <= bounded.byteBudget)
    #expect(try !level(names[0], in: bounded).isMade)
    #expect(try !level(names[3], in: bounded).isMade)
    #expect(try level(names[1], in: bounded).isMade)
  }

  @Test func levelsNeverTakeMoreThanTheBudget() throws {
    let budget = 6000
    let database = LevelDatabase(folder: folder, byteBudget: budget)
    for name in ["int2:g8", "int3:g8", "int4:g8", "int5:g8", "int6:g8", "int7:g8", "int8:g8"] {
      _ = try level(name, in: database)
      #expect(try folderByteCount() <= budget)
    }
    #expect(!files.isEmpty)
  }

  @Test func aFolderThatCannotBeMadeCostsNothing() throws {
    let blocked = directory.file("file")
    try Data([1]).write(to: URL(filePath: blocked))
    let database = LevelDatabase(folder: blocked + "/levels")
    #expect(try level(in: database).values == make(treatment()).values().values)
    #expect(try level(in: database).isMade)
  }

  @Test func exportsUseWhatEvaluationMade() throws {
    var random = RandomSource(seed: 8)
    let plan = Plan.random(
      for: model.sites, formats: NumberFormat.everyKind, share: 1, using: &random)
    let plain = directory.file("plain")
    try ModelExporter(model: model, pool: ComputePool(threadCount: 2)).export(
      plan, to: plain, as: .safetensors, cancellation: CancellationFlag())
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let compressor = SiteCompressor(
      reference: store, levels: LevelDatabase(folder: folder), byteBudget: 1 << 24)
    for site in model.sites {
      guard let treatment = plan.change(of: site) else { continue }
      _ = try compressor.values(of: site, under: treatment)
    }
    let database = LevelDatabase(folder: folder)
    let path = directory.file("levels")
    try ModelExporter(
      model: model, levels: database, pool: ComputePool(threadCount: 2)
    ).export(plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    #expect(database.hitCount == plan.treatments.count)
    #expect(
      try Data(contentsOf: URL(filePath: path)) == Data(contentsOf: URL(filePath: plain)))
  }

  private func folderByteCount() throws -> Int {
    try files.reduce(0) { total, name in
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
      return total + ((attributes[.size] as? Int) ?? 0)
    }
  }
}
