import Foundation
import Testing

@Test func devicesGivesAPriorWithoutAnInterval() throws {
  let outcome = try vise("devices", sample, "--device", "rpi5", "h100-sxm", "--json")
  #expect(outcome.code == 0)
  let report = try outcome.json
  #expect(report["provenance"] as? String == "prior: roofline of published figures")
  #expect(!String(decoding: outcome.output, as: UTF8.self).contains("interval"))
  let devices = try #require(report["devices"] as? [[String: Any]])
  #expect(devices.map { $0["device"] as? String } == ["rpi5", "h100-sxm"])
  let speeds = try devices.map { try #require($0["decode_tokens_per_second"] as? Double) }
  #expect(speeds[0] < speeds[1])
}

@Test func devicesListsFitInEightyColumns() throws {
  for arguments in [["devices"], ["devices", sample, "--context", "100000"]] {
    let outcome = try outcome(arguments, environment: ["XDG_CONFIG_HOME": "/nonexistent"])
    #expect(outcome.code == 0)
    let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
    #expect(lines.count >= 16)
    for line in lines { #expect(line.count <= 80, "\(line)") }
  }
}

@Test func aFaultInAProfileOfTheUserIsNamedWithFileAndLine() throws {
  try withFolder { folder in
    let devices = folder.appending(path: "vise/devices")
    try FileManager.default.createDirectory(at: devices, withIntermediateDirectories: true)
    try Data("version = 1\nwatts = 3\n".utf8).write(to: devices.appending(path: "x.toml"))
    let outcome = try outcome(["devices"], environment: ["XDG_CONFIG_HOME": folder.path])
    #expect(outcome.code == 2)
    #expect(outcome.errors.hasSuffix("x.toml, line 2: unknown key \"watts\"\n"))
  }
}
