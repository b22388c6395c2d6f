import ArgumentParser
import Glibc
import ViseCompression
import ViseDevices
import ViseModels

/// Lists device profiles, or what a model would cost on each.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Known devices, and what a model would cost on each, from published figures.",
    discussion: """
      Nothing here is measured: times are rooflines of published figures, without an interval. \
      Profiles of your own are read from $XDG_CONFIG_HOME/vise/devices/*.toml.
      """)

  @Argument(help: "The model; without one the profiles are listed.")
  var model: String?

  @Option(help: "The plan file.")
  var plan: String?

  @Option(help: "Tokens before the one that is decoded.")
  var context = 2048

  @Option(help: "Tokens of the prompt.")
  var prompt = 512

  @Option(help: "Bits activations are rounded to: 16, 8 or 4.")
  var activations = 8

  @Option(name: .customLong("device"), parsing: .upToNextOption, help: "Only these devices.")
  var devices: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  private static let mostTokens = 1 << 24

  func validate() throws {
    guard (0...Self.mostTokens).contains(context) else {
      throw ValidationError("--context takes 0 to \(Self.mostTokens) tokens")
    }
    guard (1...Self.mostTokens).contains(prompt) else {
      throw ValidationError("--prompt takes 1 to \(Self.mostTokens) tokens")
    }
    guard ActivationBits(rawValue: activations) != nil else {
      throw ValidationError("--activations takes 16, 8 or 4")
    }
    if plan != nil, model == nil { throw ValidationError("--plan needs a model") }
  }

  func run() throws {
    try CommandRunner.run {
      let profiles = try chosen(try DeviceLibrary(folder: Self.folder()))
      guard let path = model else {
        let list = DeviceList(profiles)
        if json { try JSONOutput.write(list) } else { list.printTable() }
        return
      }
      let model = try Model(path: path)
      let file = try PlanLoader.load(plan, model: model)
      let workload = try DeviceWorkload(model: model, plan: file.plan)
      let bits = ActivationBits(rawValue: activations) ?? .eight
      let estimates = profiles.map {
        DeviceEstimate(workload, on: $0, context: context, prompt: prompt, activations: bits)
      }
      let report = DeviceReport(
        estimates, context: context, activations: bits,
        substitutions: SubstitutionEntry.list(file))
      if json { try JSONOutput.write(report) } else { report.printTable() }
    }
  }

  /// The profiles asked for, in that order; all where none is named.
  private func chosen(_ library: DeviceLibrary) throws -> [DeviceProfile] {
    guard !devices.isEmpty else { return library.profiles }
    return try devices.map { try Self.profile(named: $0, in: library) }
  }

  /// The profile of this name, built in or the user's.
  static func profile(named name: String) throws -> DeviceProfile {
    try profile(named: name, in: try DeviceLibrary(folder: folder()))
  }

  private static func profile(
    named name: String, in library: DeviceLibrary
  ) throws -> DeviceProfile {
    guard let profile = library[name] else {
      throw InputError.unknownDevice(name, known: library.profiles.map(\.name))
    }
    return profile
  }

  /// Where users keep profiles of their own; `nil` without a home.
  private static func folder() -> String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let base = variable("XDG_CONFIG_HOME") ?? variable("HOME").map { $0 + "/.config" }
    return base.map { $0 + "/vise/devices" }
  }
}
