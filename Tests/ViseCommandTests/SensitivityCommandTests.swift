import Foundation
import Testing

@Test func sensitivityListsEveryLayerWithWhatCanBeHad() throws {
  let report = try vise("sensitivity", sample, "--treatments", "q4_0, int3:g32", "--json").json
  #expect(report["by"] as? String == "site" && report["probe_tokens"] == nil)
  let rows = try #require(report["rows"] as? [[String: Any]])
  #expect(rows.count == 43)
  for row in rows {
    #expect(row["pq_index"] is Double && row["kurtosis"] is Double)
    #expect(row["effective_rank"] == nil && row["input_energy"] == nil)
    let options = try #require(row["options"] as? [[String: Any]])
    #expect(options.map { $0["option"] as? String } == ["q4_0", "int3:g32"])
    #expect(options.allSatisfy { $0["noise_share"] is Double && $0["kl_mean"] == nil })
    #expect(options[0]["accumulator_bits"] == nil && options[1]["accumulator_bits"] is Int)
  }
  let columns = try #require(report["columns"] as? [[String: Any]])
  #expect(columns.allSatisfy { $0["provenance"] as? String != nil })
}

@Test func sensitivityMeasuresOnTheTextAndSaysSo() throws {
  try withFolder { folder in
    let statistics = folder.appending(path: "c").path
    let calibrated = try vise(
      "calibrate", sample, "--text", calibrationText, "--window", "64", "--limit", "512", "--out",
      statistics)
    #expect(calibrated.code == 0)
    let data = ["--text", text, "--calibration", statistics, "--bits", "3"]
    let table = try outcome(
      ["sensitivity", sample, "--csv", "--sort", "kl_mean"] + data)
    #expect(table.code == 0)
    let lines = String(decoding: table.output, as: UTF8.self).components(separatedBy: "\r\n")
    let header = lines[0].components(separatedBy: ",")
    #expect(lines.count == 45 && lines.last == "")
    let place = try #require(header.firstIndex(of: "q3_K.kl_mean"))
    #expect(header.contains("q3_K.output_error") && header.contains("input_energy"))
    let figures = lines[1..<44].map { Double($0.components(separatedBy: ",")[place]) }
    #expect(figures.allSatisfy { $0 != nil })
    let known = figures.compactMap { $0 }
    #expect(known == known.sorted(by: >))

    let groups = try outcome(
      ["sensitivity", sample, "--by", "role", "--json"] + data
    ).json
    let rows = try #require(groups["rows"] as? [[String: Any]])
    let sums = rows.compactMap { $0["kl_sum"] as? Double }
    #expect(sums.count == rows.count)
    #expect(abs(sums.reduce(0, +) - known.reduce(0, +)) < 1e-9)
    let tokens = try #require(groups["probe_tokens"] as? Int)
    let columns = try #require(groups["columns"] as? [[String: Any]])
    let measured = try #require(columns.first { $0["name"] as? String == "kl_sum" })
    #expect(measured["provenance"] as? String == "measured on \(tokens) probe tokens")
  }
}

@Test func sensitivityRefusesWhatItDoesNotKnow() throws {
  for arguments in [
    ["--bits", "7"], ["--treatments", "nonsense"], ["--csv", "--json"], ["--by", "mood"],
    ["--bits", "4", "--treatments", "q4_K"], ["--treatments", "f16", "--sort", "nonsense"],
  ] {
    let process = try outcome(["sensitivity", sample] + arguments)
    #expect(process.code == 2, "\(arguments)")
    #expect(!process.errors.isEmpty && process.output.isEmpty)
  }
}
