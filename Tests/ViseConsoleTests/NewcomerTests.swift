import Foundation
import Testing

/// What somebody does who has only read the README: each step at most two keys, or one command.
@Suite struct NewcomerTests {
  private let state = PtySession.makeStateFolder()

  @Test func theSampleModelIsCompressedAndExported() throws {
    let session = try PtySession(
      ["--limit", "2048"], program: PtySession.product, state: state, columns: 120, rows: 36,
      environment: ["VISE_SAMPLES": Self.samples, "XDG_CACHE_HOME": "\(state)/cache"])
    // The list of what can be opened begins with the sample.
    #expect(session.wait(for: "story-lm"))
    session.send("\r")
    #expect(session.wait(for: "layers 1-26 of 43"))
    let layer = try mostSensitiveLayer(session)
    // All ffn_down in four bits, except the layer just found.
    session.send(":bits ffn_down !\(layer) 4\r")
    let treated = layer.contains("ffn_down") ? 5 : 6
    #expect(session.wait(for: "\(treated) treated"))
    session.send(":prune blk.0.attn_q blk.1.attn_q 30%\r")
    #expect(session.wait(for: "\(treated + 2) treated"))
    session.send(":fit 60%\r")
    #expect(session.wait(for: "layers  fit "))
    let limit = try figure(after: "fit ", in: session.text)
    let planned = try figure(after: " size", in: session.text)
    #expect(planned <= limit + 0.005)
    session.send("D")
    #expect(session.wait(for: "yours beside as loaded"))
    session.send("l")
    #expect(session.wait { $0.text.contains("Q4_K_M") || $0.text.contains("Q3_K_M") })
    session.send("\u{1B}")
    #expect(session.wait(for: "─ layers 1-"))
    // The name offered lies beside the sample; a test writes elsewhere.
    session.send("e\u{15}\(state)/mine.gguf\r")
    #expect(session.wait(for: "bytes writ"), "\(session.text)")
    let size = try FileManager.default.attributesOfItem(atPath: "\(state)/mine.gguf")[.size]
    let byteCount = try #require(size as? Int)
    #expect(Double(byteCount) <= 1e6 * (limit + 0.005))
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  /// The heat view's costliest layer, which is then the selected one.
  private func mostSensitiveLayer(_ session: PtySession) throws -> String {
    session.send("S")
    #expect(session.wait(for: "KL of each layer alone"))
    // Sums say so as long as layers are missing.
    #expect(session.wait { $0.text.contains("   sum ") && !$0.text.contains("≥") })
    session.send("x")
    #expect(session.wait(for: "costliest of all 43"))
    session.send("\r")
    #expect(session.wait { $0.text.contains("─ layers 1-") && $0.text.contains("\n▸") })
    let row = try #require(session.text.split(separator: "\n").first { $0.hasPrefix("▸") })
    let name = try #require(row.split(separator: " ").dropFirst().first)
    return String(name)
  }

  /// The megabytes that follow `words`.
  private func figure(after words: String, in screen: String) throws -> Double {
    let place = try #require(screen.range(of: words))
    let word = try #require(screen[place.upperBound...].split(separator: " ").first)
    return try #require(Double(word))
  }

  private static var samples: String {
    let file = #filePath
    return String(file[..<(file.range(of: "/Tests/")?.lowerBound ?? file.endIndex)])
      + "/SampleModels"
  }
}
