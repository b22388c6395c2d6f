import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

private typealias Cell = SensitivityTable.Cell

private func column(_ key: String) -> SensitivityTable.Column {
  SensitivityTable.Column(option: nil, key: key, meaning: "", provenance: "exact", isBrief: true)
}

/// Reads RFC 4180 back: the records' fields.
private func parse(_ text: String) -> [[String]] {
  var records: [[String]] = []
  var record: [String] = []
  var field = ""
  var isQuoted = false
  var scalars = Array(text.unicodeScalars)[...]
  while let scalar = scalars.popFirst() {
    switch scalar {
    case "\"" where isQuoted && scalars.first == "\"":
      field.unicodeScalars.append(scalar)
      scalars.removeFirst()
    case "\"": isQuoted.toggle()
    case "," where !isQuoted:
      record.append(field)
      field = ""
    case "\r" where !isQuoted && scalars.first == "\n":
      scalars.removeFirst()
      records.append(record + [field])
      (record, field) = ([], "")
    default: field.unicodeScalars.append(scalar)
    }
  }
  return records
}

@Test func commaSeparatedValuesReadBack() {
  let words = ["plain", "a,b", "say \"no\"", "\"", "two\r\nlines", "", "ü 層"]
  let rows = words.map { word -> [Cell?] in [.text(word), .number(0.1 + 0.2), nil] }
  let table = SensitivityTable(columns: ["site", "figure", "none"].map(column), rows: rows)
  let records = parse(table.csv { $0 })
  #expect(records.first == ["site", "figure", "none"])
  #expect(records.dropFirst().map { $0[0] } == words)
  #expect(records.dropFirst().allSatisfy { Double($0[1]) == 0.1 + 0.2 && $0[2].isEmpty })
}

@Test func wordsFromFilesAreSanitisedInCommaSeparatedValues() {
  let table = SensitivityTable(columns: [column("site")], rows: [[.text("a\u{1b}[2J")]])
  let text = table.csv { $0.replacing("\u{1b}", with: "?") }
  #expect(text == "site\r\na?[2J\r\n")
}

@Test func rowsAreSortedLargestFirstAndAbsentLast() {
  let rows: [[Cell?]] = [
    [.text("b"), .number(1)], [.text("c"), nil], [.text("a"), .number(3)], [.text("d"), .count(1)],
  ]
  var table = SensitivityTable(columns: ["site", "figure"].map(column), rows: rows)
  table.sort(by: 1)
  #expect(table.rows.map { $0[0] } == ["a", "b", "d", "c"].map { .text($0) })
  table.sort(by: 0)
  #expect(table.rows.map { $0[0] } == ["a", "b", "c", "d"].map { .text($0) })
}

/// Reports on the sample: 2-bit and 8-bit integers, measured on a probe.
private struct SampleReports {
  let sample: SampleSession
  let reports: [SiteReport]
  let options: [SensitivityOption]
  let tokenCount: Int?

  init() throws {
    sample = try SampleSession(windows: 8)
    options = ["int3:g32", "q8_0", "f16"].compactMap { Treatment(name: $0) }
      .map(SensitivityOption.init)
    let predictor = try PlanPredictor(
      session: sample.session, tokens: sample.text.tokens, firstToken: sample.text.firstToken,
      cancellation: CancellationFlag())
    let analysis = SensitivityAnalysis(
      session: sample.session, calibration: nil, options: options, predictor: predictor)
    reports = try analysis.run(
      hasSpectrum: false, progress: { _, _ in }, cancellation: CancellationFlag())
    tokenCount = analysis.tokenCount
  }
}

@Test func figuresOfTheSampleObeyTheirLawsAndGroupsAddUp() throws {
  let found = try SampleReports()
  let reports = found.reports
  let sites = found.sample.session.model.sites
  #expect(reports.map(\.site) == sites)
  for report in reports {
    let few = try #require(report.options[0])
    let many = try #require(report.options[1])
    let (rough, fine) = (try #require(few.noiseShare), try #require(many.noiseShare))
    #expect(rough > fine && fine > 0)
    #expect(few.accumulatorBits != nil && many.accumulatorBits == nil)
    let kl = try #require(few.klMean)
    let interval = try #require(kl.interval)
    #expect(interval.lower <= kl.value && kl.value <= interval.upper && interval.level == 0.9)
    // The file stores f16: asking for it changes nothing, so nothing is reported.
    #expect(report.options[2] == nil || report.site.stored != .f16)
    #expect(report.spectrum == nil && few.outputError == nil && report.inputEnergy == nil)
  }
  let total = reports.reduce(0.0) { $0 + ($1.options[0]?.klMean?.value ?? 0) }
  for grouping in SensitivityGrouping.allCases {
    let groups = SensitivityGroup.groups(of: reports, option: 0, named: "int3:g32", by: grouping)
    #expect(groups.reduce(0) { $0 + $1.siteCount } == sites.count)
    #expect(abs(groups.reduce(0) { $0 + ($1.klSum ?? 0) } - total) < 1e-9 * abs(total))
    #expect(
      groups.reduce(0) { $0 + $1.byteCount } == reports.reduce(0) { $0 + $1.byteCount })
    let table = SensitivityTable(groups: groups, tokenCount: found.tokenCount)
    let share = try #require(table.column("kl_share"))
    let shares = table.rows.reduce(0.0) { sum, row in
      if case .number(let number) = row[share] { sum + number } else { sum }
    }
    #expect(abs(shares - 1) < 1e-9)
  }
  let worst = reports.max {
    ($0.options[0]?.klMean?.value ?? 0) < ($1.options[0]?.klMean?.value ?? 0)
  }
  let groups = SensitivityGroup.groups(of: reports, option: 0, named: "int3:g32", by: .role)
  let own = groups.first { $0.name == worst?.site.role.rawValue }
  #expect(own?.worstSite == worst?.site.name)
}

@Test func noiseIsThatOfTheDecodedValues() throws {
  let found = try SampleReports()
  let session = found.sample.session
  for report in found.reports.prefix(4) {
    let original = try session.model.decodeWeight(report.site.name).values
    let option = try #require(report.options[1])
    let treated = try session.compressor.values(of: report.site, under: option.treatment).values
    let noise = zip(original, treated).reduce(0.0) { sum, pair in
      sum + (Double(pair.0) - Double(pair.1)) * (Double(pair.0) - Double(pair.1))
    }
    let power = original.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(try #require(option.noiseShare) - noise / power) < 1e-12)
  }
}

@Test func aColumnThatNothingFillsIsAbsent() throws {
  let found = try SampleReports()
  let table = SensitivityTable(
    sites: found.reports, options: found.options.map(\.name), tokenCount: found.tokenCount)
  #expect(table.column("output_error") == nil && table.column("effective_rank") == nil)
  #expect(table.column("q8_0.accumulator_bits") == nil)
  #expect(table.column("int3:g32.accumulator_bits") != nil)
  let kl = try #require(table.column("q8_0.kl_mean"))
  #expect(table.columns[kl].provenance == "measured on \(found.tokenCount ?? 0) probe tokens")
}
