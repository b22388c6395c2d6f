import Foundation
import Testing
import ViseDevices

@Test func builtInProfilesParseAndHaveNamesOfTheirOwn() throws {
  let profiles = try DeviceLibrary.builtIn().profiles
  #expect(profiles.count >= 15)
  #expect(Set(profiles.map(\.name)).count == profiles.count)
  #expect(Set(profiles.map(\.title)).count == profiles.count)
}

@Test func builtInProfilesSayWhereTheirFiguresComeFromAndWhatIsAssumed() throws {
  for profile in try DeviceLibrary.builtIn().profiles {
    #expect(profile.source.count > 40, "\(profile.name)")
    for reason in [
      profile.memory.efficiencyReason, profile.compute.efficiencyReason, profile.overhead.reason,
    ] {
      #expect(reason.hasPrefix("Assumed: "), "\(profile.name)")
    }
  }
}

@Test(arguments: [
  ("rtx4090", 1008e9, 24e9), ("a100-80gb", 2039e9, 80e9), ("h100-sxm", 3.35e12, 80e9),
  ("h200-sxm", 4.8e12, 141e9), ("agx-orin", 204.8e9, 64e9), ("apple-m4-max", 546e9, 128e9),
])
func publishedBandwidthAndCapacityAreAsOnTheDataSheet(
  name: String, bandwidth: Double, capacity: Double
) throws {
  let profile = try #require(try DeviceLibrary.builtIn()[name])
  #expect(profile.memory.bandwidth == bandwidth)
  #expect(profile.memory.capacity == capacity)
}

@Test func everyFieldOfAProfileIsRead() throws {
  let profile = try DeviceProfile(
    toml: profileText(adding: "[energy]\nper_byte = 4e-11\nper_operation = 1e-12\nsource = \"s\""))
  #expect(profile.name == "mine")
  #expect(profile.kind == .gpu)
  #expect(profile.memory.reachedBandwidth == 8e11)
  #expect(profile.memory.capacity == 8e9)
  #expect(profile.compute.peaks == [.float32: 1e13, .integer8: 4e13])
  #expect(profile.compute.reachedRate(.integer8) == 2e13)
  #expect(profile.compute.reachedRate(.float16) == nil)
  #expect(profile.compute.dequantization == 4)
  #expect(profile.compute.tile == 8)
  #expect(profile.overhead.perOperation == 1e-6)
  #expect(profile.energy?.basis == .parts(perByte: 4e-11, perOperation: 1e-12))
}

private typealias Reason = DeviceProfileError.Reason

private func fault(_ text: String) -> DeviceProfileError? {
  do throws(DeviceProfileError) {
    _ = try DeviceProfile(toml: text)
    return nil
  } catch {
    return error
  }
}

@Test(arguments: [
  ("bandwidth", "bandwidth = inf", 7), ("bandwidth", "bandwidth = nan", 7),
  ("bandwidth", "bandwidth = -1e12", 7), ("capacity", "capacity = 0", 8),
  ("efficiency = 0.8", "efficiency = 1.01", 9), ("fp32", "fp32 = 1e300", 12),
  ("dequantization", "dequantization = -1", 16), ("tile", "tile = 0", 17),
  ("tile", "tile = 9223372036854775807", 17), ("per_operation", "per_operation = 2", 19),
])
func figuresOutOfBoundsAreRefusedWithTheirLine(key: String, line: String, number: Int) throws {
  let error = try #require(fault(profileText(replacing: [key: line])))
  #expect(error.line == number)
  guard case .outOfRange = error.reason else {
    Issue.record("\(error.reason)")
    return
  }
}

@Test(
  arguments: [
    (
      "bandwidth", "bandwidth = \"fast\"",
      Reason.wrongType(key: "memory.bandwidth", expected: "a number"), 7
    ),
    ("tile", "tile = 1.5", .wrongType(key: "compute.tile", expected: "a whole number"), 17),
    ("title", "title = 3", .wrongType(key: "title", expected: "a text"), 3),
    ("bandwidth", "bandwith = 1e12", .unknownKey("memory.bandwith"), 7),
    ("bandwidth", "", .missing("memory.bandwidth"), 6),
    ("kind", "kind = \"toaster\"", .unknownKind("toaster"), 4),
    ("version", "version = 2", .unsupportedVersion, 1),
    ("name", "name = \"../../etc\"", .badText(key: "name"), 2),
    ("name", "name = \"\"", .badText(key: "name"), 2),
    ("source", "source = \"a\\u001B[2Jb\"", .badText(key: "source"), 5),
    ("source", "colour = 1", .unknownKey("colour"), 5),
    ("fp32", "", .noFloatUnits, 11),
  ] as [(String, String, DeviceProfileError.Reason, Int)])
func faultsAreNamedWithTheirLine(
  key: String, line: String, reason: DeviceProfileError.Reason, number: Int
) throws {
  let error = try #require(fault(profileText(replacing: [key: line])))
  #expect(error.reason == reason)
  #expect(error.line == number)
}

@Test(arguments: [
  "[energy]\nsource = \"s\"", "[energy]\nper_byte = 1e-11\nsource = \"s\"",
  "[energy]\npower = 5\nper_byte = 1e-11\nper_operation = 1e-12\nsource = \"s\"",
])
func energyMustBeOneOrTheOther(energy: String) {
  #expect(fault(profileText(adding: energy))?.reason == .unclearEnergy)
}

@Test(arguments: [
  "", "[", "[[[[", "=", "version = ", "memory = 3", "version = 1\n[memory", "\u{0}", "[ ]",
  "version = 1\nversion = 1", "memory = [1, 2]", String(repeating: "[", count: 5000),
  "a = " + String(repeating: "[", count: 2000),
])
func malformedTextIsATypedError(text: String) {
  #expect(fault(text) != nil)
}

@Test func noPrefixOfAProfileIsMistakenForOne() {
  let text = profileText()
  let ends = (text.range(of: "reason = \"assumed\"", options: .backwards)?.lowerBound).map {
    text.distance(from: text.startIndex, to: $0)
  }
  for count in 0..<(ends ?? 0) {
    #expect(fault(String(text.prefix(count))) != nil, "\(count)")
  }
}

private func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "devices-\(UUID())")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

@Test func profilesOfAFolderComeAfterTheBuiltInOnes() throws {
  try withFolder { folder in
    try Data(profileText().utf8).write(to: folder.appending(path: "mine.toml"))
    try Data("no profile".utf8).write(to: folder.appending(path: "notes.txt"))
    let library = try DeviceLibrary(folder: folder.path)
    #expect(library.profiles.last?.name == "mine")
    #expect(library.profiles.count == (try DeviceLibrary.builtIn().profiles.count) + 1)
  }
}

@Test func anAbsentFolderIsNoError() throws {
  let library = try DeviceLibrary(folder: "/nonexistent/devices")
  #expect(library.profiles == (try DeviceLibrary.builtIn().profiles))
}

@Test func aTakenNameAndBytesThatAreNoTextAreRefusedWithTheirFile() throws {
  try withFolder { folder in
    let path = folder.appending(path: "x.toml")
    for (bytes, reason) in [
      (
        Data(profileText(replacing: ["name": "name = \"rtx4090\""]).utf8),
        Reason.duplicateName("rtx4090")
      ),
      (Data([0xFF, 0xFE, 0x00]), .notUTF8),
      (Data(count: 1 << 20), .tooLarge(limit: 1 << 18)),
    ] {
      try bytes.write(to: path)
      #expect(throws: DeviceProfileError(file: path.path, line: nil, reason: reason)) {
        try DeviceLibrary(folder: folder.path)
      }
    }
  }
}
