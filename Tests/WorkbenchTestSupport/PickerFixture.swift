public import ViseWorkbench

/// Made-up folders, for tests only.
public enum PickerFixture {
  public static let listing = ModelListing(
    folder: "/home/user/models",
    entries: [
      ModelEntry(
        kind: .recent, path: "/data/llama.gguf", name: "data/llama.gguf",
        byteCount: 1_200_000_000, detail: "edited 2026-01-02 14:02"),
      ModelEntry(
        kind: .recent, path: "/gone/old.gguf", name: "gone/old.gguf",
        detail: "edited 2025-12-24 09:30", problem: "No such file or directory"),
      ModelEntry(
        kind: .sample, path: "/vise/SampleModels/story-lm/story-lm-f16.gguf",
        name: "story-lm/story-lm-f16.gguf", byteCount: 11_700_000, detail: "GGUF"),
      ModelEntry(
        kind: .model, path: "/home/user/models/bert", name: "bert", detail: "safetensors folder"),
      ModelEntry(
        kind: .model, path: "/home/user/models/empty.gguf", name: "empty.gguf", byteCount: 0,
        problem: "an empty file"),
      ModelEntry(kind: .folder, path: "/home/user/models/old", name: "old"),
    ])

  public static func state() -> WorkbenchState {
    var state = WorkbenchState(choosingIn: listing.folder)
    _ = state.apply(.modelsListed(listing))
    for _ in 0..<4 { _ = state.apply(.commandClicked(.moveDown)) }
    return state
  }
}
