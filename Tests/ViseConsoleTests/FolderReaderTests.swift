import Glibc
import Testing
import ViseWorkbench

@testable import ViseConsole

struct FolderReaderTests {
  private let folder = PtySession.makeStateFolder()

  private func write(_ bytes: [UInt8], to name: String) {
    guard let file = fopen("\(folder)/\(name)", "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  private func entries() -> [String: ModelEntry] {
    let listing = FolderReader(stateFolder: folder, samples: []).listing(of: folder)
    return Dictionary(listing.entries.map { ($0.path, $0) }) { first, _ in first }
  }

  @Test func filesAreJudgedByWhatTheyBeginWith() {
    write(Array("GGUF and more".utf8), to: "good.gguf")
    write(Array("<html>".utf8), to: "page.gguf")
    write([], to: "empty.gguf")
    write([3, 0, 0, 0, 0, 0, 0, 0] + Array("{} ".utf8), to: "good.safetensors")
    write([0, 0, 0, 0, 0, 0, 0, 255] + Array("{".utf8), to: "cut.safetensors")
    write([8, 7], to: "graph.onnx")
    write([], to: "empty.onnx")
    write([1], to: "notes.txt")
    write([1], to: ".hidden.gguf")
    mkdir("\(folder)/plain", 0o700)
    mkdir("\(folder)/model", 0o700)
    write([], to: "model/model.safetensors")
    let found = entries()
    func problem(_ name: String) -> String? { found["\(folder)/\(name)"]?.problem }
    #expect(found["\(folder)/good.gguf"]?.byteCount == 13)
    #expect(problem("good.gguf") == nil && problem("good.safetensors") == nil)
    #expect(problem("page.gguf") == "neither GGUF nor safetensors inside")
    #expect(problem("empty.gguf") == "an empty file")
    #expect(problem("cut.safetensors") == "cut short: its header is longer than the file")
    #expect(problem("graph.onnx") == nil && problem("empty.onnx") == "an empty file")
    #expect(found["\(folder)/notes.txt"] == nil && found["\(folder)/.hidden.gguf"] == nil)
    #expect(found["\(folder)/plain"]?.kind == .folder)
    #expect(found["\(folder)/model"]?.kind == .model)
  }

  @Test func modelsOfJournalsAreRecentAndThoseGoneSaySo() {
    let began = JournalEntry.began(fingerprint: "f", path: "\(folder)/gone.gguf").line
    write(Array("\(began)\n".utf8), to: "f.journal")
    write(Array("no journal".utf8), to: "g.journal")
    let recent = entries().values.filter { $0.kind == .recent }
    #expect(recent.map(\.path) == ["\(folder)/gone.gguf"])
    #expect(recent.first?.problem != nil)
  }

  @Test func graphsSayWhetherThereAreImagesToMeasureThemOn() {
    mkdir("\(folder)/with", 0o700)
    write([8, 7], to: "with/graph.onnx")
    write([1], to: "with/data.toml")
    write([8, 7], to: "without.onnx")
    func detail(_ path: String, _ reader: FolderReader) -> String? {
      reader.listing(of: folder).entries.first { $0.path == path }?.detail
    }
    let reader = FolderReader(stateFolder: folder, samples: ["\(folder)/with/graph.onnx"])
    #expect(detail("\(folder)/with/graph.onnx", reader) == "ONNX, images by data.toml")
    #expect(detail("\(folder)/without.onnx", reader) == "ONNX, no images beside it")
  }

  @Test func aFolderThatCannotBeReadIsSaid() {
    let listing = FolderReader(stateFolder: folder, samples: []).listing(of: "\(folder)/none")
    #expect(listing.entries.isEmpty)
    #expect(listing.problem?.contains("No such file") == true)
  }

  @Test func aModelIsChosenOpenedAndEditedFromTheListOn() throws {
    let state = PtySession.makeStateFolder()
    let session = try PtySession(["--choose"], state: state)
    #expect(session.wait(for: "open a model"))
    session.send("pfixture.gguf\r")
    #expect(session.wait(for: "Fixture-135M"))
    session.send("q")
    #expect(session.exitCode() == 0)
  }
}
