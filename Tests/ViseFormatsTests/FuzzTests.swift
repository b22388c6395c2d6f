import Glibc
import Testing
import ViseTensor

@testable import ViseFormats

/// Random numbers that are the same on every run.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// Numbers that break sums and products.
private let nastyNumbers: [UInt64] = [
  0, 1, 2, 5, 7, 13, 31, 32, 255, 256, 65_535, 65_536, 1 << 24, 1 << 31, UInt64(UInt32.max),
  1 << 32, 1 << 40, 1 << 60, 1 << 61, 1 << 62, 1 << 63, .max - 31, .max - 7, .max,
]

/// Damages `bytes` in one of five ways, once or a few times.
private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
  for _ in 0..<Int.random(in: 1...3, using: &random) {
    guard bytes.count > 16 else { return }
    let place = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0:
      bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1:
      bytes[place] = UInt8.random(in: .min ... .max, using: &random)
    case 2:
      let width = Bool.random(using: &random) ? 8 : 4
      let number = nastyNumbers.randomElement(using: &random) ?? 0
      for index in 0..<min(width, bytes.count - place) {
        bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
      }
    case 3:
      bytes.removeLast(Int.random(in: 0..<(bytes.count - place), using: &random))
    default:
      let length = Int.random(in: 1...min(64, bytes.count), using: &random)
      let from = Int.random(in: 0...(bytes.count - length), using: &random)
      let end = min(place + Int.random(in: 0...length, using: &random), bytes.count)
      bytes.replaceSubrange(place..<end, with: Array(bytes[from..<(from + length)]))
    }
  }
}

private func overwrite(_ path: String, with bytes: [UInt8]) -> Bool {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard file >= 0 else { return false }
  defer { close(file) }
  return bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count
}

private func peakMemory() -> Int {
  var usage = rusage()
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return usage.ru_maxrss * 1024
}

/// Reads everything a file that opened has to give.
private func exhaust(_ checkpoint: Checkpoint) -> Int {
  var sum = 0
  for entry in checkpoint.metadata.entries {
    sum &+= entry.value.asArray?.values().count ?? 0
    entry.value.asArray?.forEachString { sum &+= $0.count }
  }
  for tensor in checkpoint.tensors {
    sum &+= checkpoint.withBytes(of: tensor) { Int($0.first ?? 0) &+ Int($0.last ?? 0) }
  }
  return sum
}

private let baseSafetensors = safetensorsBytes(
  #"""
  {"__metadata__":{"format":"pt","\u00e9":"x"},"a.weight":{"dtype":"F32","shape":[2,4],
  "data_offsets":[0,32]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[32,38]},
  "c":{"dtype":"I64","shape":[],"data_offsets":[40,48]}}
  """#)

/// Opens `count` damaged copies of small files; runs alone in a process, which a trap would end.
private func openDamagedHeaders(count: Int, seed: UInt64) throws {
  let directory = try TemporaryDirectory(inMemory: true)
  let layout = try GGUFLayout(metadata: sampleMetadata(), tensors: sampleTensors)
  try writeSample(layout, to: directory.file("base.gguf"))
  let gguf = try Checkpoint.openBytes(directory.file("base.gguf"))
  _ = try Checkpoint.open(directory.write(baseSafetensors, to: "base.safetensors"))
  var random = SeededGenerator(state: seed)
  let before = peakMemory()
  var opened = 0
  var refused = 0
  for index in 0..<count {
    let isGGUF = index % 2 == 0
    var bytes = isGGUF ? gguf : baseSafetensors
    mutate(&bytes, &random)
    let path = directory.file(isGGUF ? "m.gguf" : "m.safetensors")
    try #require(overwrite(path, with: bytes))
    do throws(CheckpointError) {
      let checkpoint = try Checkpoint.open(path)
      opened += 1
      #expect(exhaust(checkpoint) >= 0)
    } catch {
      refused += 1
      #expect(error.file == path && (0...bytes.count).contains(error.offset ?? 0), "\(error)")
    }
  }
  print("seed \(seed): \(opened) opened, \(refused) refused")
  #expect(opened > count / 50 && refused > count / 2)
  #expect(peakMemory() - before < 64 << 20)
}

/// Builds tokenizers from damaged vocabularies and lets those that can be built read a text.
private func buildDamagedTokenizers(count: Int, seed: UInt64) throws {
  let directory = try TemporaryDirectory(inMemory: true)
  let names = ["gpt-2.gguf", "llama-spm.gguf", "unigram.gguf", "smollm.json", "unigram.json"]
  let bases = try names.map { try Checkpoint.openBytes(fixture($0)) }
  let text = Array("Hello  wörld 123\n\u{1F642}<s>'LL".utf8) + [0xFF, 0xE2]
  var random = SeededGenerator(state: seed)
  _ = UnicodeClasses.shared
  let before = peakMemory()
  var built = 0
  for index in 0..<count {
    var bytes = bases[index % bases.count]
    mutate(&bytes, &random)
    let tokenizer: Tokenizer?
    if names[index % bases.count].hasSuffix(".json") {
      tokenizer = try? bytes.withUnsafeBytes { try Tokenizer(json: $0) }
    } else {
      let path = directory.file("m.gguf")
      try #require(overwrite(path, with: bytes))
      tokenizer = (try? Checkpoint.open(path)).flatMap { try? Tokenizer(metadata: $0.metadata) }
    }
    guard let tokenizer else { continue }
    built += 1
    let ids = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
    #expect(ids.allSatisfy { (0..<tokenizer.vocabularyCount).contains(Int($0)) })
    #expect(tokenizer.decode(ids).count < 100_000)
  }
  print("seed \(seed): \(built) of \(count) tokenizers built")
  #expect(built > count / 10)
  #expect(peakMemory() - before < 64 << 20)
}

@Suite struct FuzzTests {
  @Test func damagedHeadersGiveTypedErrorsAndNoLargeAllocation() async {
    await #expect(processExitsWith: .success) {
      try openDamagedHeaders(count: 100_000, seed: 20_261_121)
    }
  }

  @Test func damagedTokenizersGiveTypedErrorsOrValidIds() async {
    await #expect(processExitsWith: .success) {
      try buildDamagedTokenizers(count: 1_500, seed: 20_261_121)
    }
  }
}
