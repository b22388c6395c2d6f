import Foundation
import ViseEvaluation
import ViseModels
import ViseTensor

/// The sample model with a little of its evaluation text, as tests use it.
struct SampleSession {
  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "SampleModels/story-lm")

  let session: ModelSession
  let text: EvaluationText

  init(
    windows: Int = 3, windowLength: Int = 64, threads: Int = 2, memory: Int = 1 << 30
  ) throws {
    let model = try Model(path: Self.folder.appending(path: "story-lm-f16.gguf").path)
    session = try ModelSession(
      model: model, pool: ComputePool(threadCount: threads), budget: MemoryBudget(total: memory))
    text = try TextLoader(model: model).load(
      path: Self.folder.appending(path: "eval.txt").path, windowLength: windowLength,
      limit: windows * windowLength)
  }
}
