import Foundation
import ViseFormats
import ViseModels
import ViseTensor

/// A tiny model of the fixtures with the logits llama.cpp computes for it.
struct FixtureModel {
  let name: String

  static let all = ["llama", "mistral", "qwen2", "qwen3", "gemma3", "gpt2"]

  private static let folder =
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path

  /// The sample model's file.
  static let samplePath = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "SampleModels/story-lm/story-lm-f16.gguf").path

  /// The path of a fixture's file or folder.
  static func path(_ name: String) -> String { "\(folder)/\(name)" }

  func gguf() throws -> Model { try Model(path: Self.path("\(name).gguf")) }

  /// The same model as a Hugging Face folder.
  func hub() throws -> Model { try Model(path: Self.path(name)) }

  func golden() throws -> GoldenLogits {
    try GoldenLogits(Data(contentsOf: URL(filePath: Self.path("\(name).golden"))))
  }
}

/// Tokens and the logits after each.
struct GoldenLogits {
  let tokens: [Int32]
  let vocabulary: Int
  let logits: [Float]

  init(_ data: Data) {
    let words = data.withUnsafeBytes { raw in
      (0..<(raw.count / 4)).map {
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
    let count = Int(words[0])
    vocabulary = Int(words[1])
    tokens = words[2..<(2 + count)].map { Int32(bitPattern: $0) }
    logits = words[(2 + count)...].map { Float(bitPattern: $0) }
  }
}

/// A model with what it takes to run it on this thread.
struct ModelRun {
  let program: Model.Program
  let weights: WeightStore
  let executor: Executor

  init(_ model: Model, byteBudget: Int = 1 << 24) throws {
    try BLAS.load()
    program = try model.program.get()
    weights = WeightStore(model: model, byteBudget: byteBudget)
    executor = Executor(graph: program.graph, ropeTables: RopeTableCache())
  }

  func features(
    _ tokens: [Int32], sequences: Int = 1, from start: ActivationCheckpoint? = nil,
    weights other: (any WeightSource)? = nil, keep: (ActivationCheckpoint) -> Void = { _ in }
  ) throws -> Matrix {
    let batch = TokenBatch(tokens: tokens, sequenceLength: tokens.count / sequences)
    let source: any WeightSource = other ?? weights
    return try executor.features(
      of: batch, weights: source, from: start, cancellation: CancellationFlag(), keep: keep)
  }

  /// Features times the head, accumulated in double.
  func logits(_ tokens: [Int32], sequences: Int = 1) throws -> [Float] {
    let features = try features(tokens, sequences: sequences)
    let head = try weights.weight(program.graph.head)
    return (0..<features.rows).flatMap { row in
      (0..<head.rows).map { word in
        Float(Kernels.dot(features.row(row), head.row(word), count: head.columns))
      }
    }
  }

  /// The values at each cut, copied, by cut.
  func cuts(_ tokens: [Int32]) throws -> [ActivationCheckpoint] {
    var kept: [ActivationCheckpoint] = []
    _ = try features(tokens) {
      kept.append(ActivationCheckpoint(cut: $0.cut, value: $0.value.copy()))
    }
    return kept
  }
}

/// The largest difference between two lists of equal length.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}
