import Testing

/// A screen that is looked at costs nothing: no timer, no wake-up, no byte.
@Suite(.serialized, .enabled(if: PtySession.canSeeWaits, "the kernel hides what programs wait for"))
struct RestTests {
  private let state = PtySession.makeStateFolder()

  /// Screens with the keys that open them from the bench; all but the bench are left with Esc.
  private static let screens: [(name: String, keys: [String])] = [
    ("bench", []), ("layer", ["i"]), ("compare", ["D"]), ("history", ["H"]), ("heat", ["S"]),
    ("jobs", ["J"]), ("frontier", ["g", "p"]), ("search", ["s"]), ("themes", ["g", "t"]),
    ("help", ["?"]), ("log", ["L"]), ("export", ["e"]), ("formats", ["f"]), ("methods", ["m"]),
    ("palette", [":"]), ("filter", ["/"]), ("typed value", ["t"]), ("quit", ["q"]),
  ]

  @Test(arguments: [(80, 24), (160, 48)])
  func noScreenHasATimer(columns: Int, rows: Int) throws {
    let session = try PtySession(state: state, columns: columns, rows: rows)
    #expect(session.wait(for: "Fixture-135M"))
    // An edit, a limit and a mark, so that nothing is refused.
    for key in ["j", "4", " ", "b", "6", "0", "%", "\r"] { #expect(session.press(key)) }
    for (name, keys) in Self.screens {
      for key in keys { #expect(session.press(key), "\(name): \(key)") }
      #expect(session.waitForRest(), "\(name) does not rest")
      #expect(session.press("j") && session.waitForRest(), "\(name) does not rest after a key")
      if !keys.isEmpty { #expect(session.press("\u{1B}")) }
    }
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func openingAModelHasNoTimerEither() throws {
    let session = try PtySession(["--choose"], state: state)
    #expect(session.wait(for: "open a model"))
    #expect(session.waitForRest())
    #expect(session.press("j") && session.waitForRest())
  }
}
