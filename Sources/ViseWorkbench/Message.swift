public import ViseEstimates

/// What the last edit did, for the message line.
public struct EditReport: Hashable, Sendable {
  /// Whether the edit was made, taken back or brought back, or a state was gone to.
  public enum Verb: Hashable, Sendable { case did, undid, redid, wentTo }

  public let verb: Verb
  /// The layer's name, or how many layers.
  public let subject: String
  /// Such as `q4_1→q3_K` or `3 bits`.
  public let change: String
  /// Change of the exported file's size in bytes, exact.
  public let sizeDelta: Int
  /// Sites that got another format than asked for, and why for the first of them.
  public let substituted: Int
  /// Sites that can hold nothing of the kind, left as they were.
  public let refused: Int
  public let reason: String?
  /// Divergence of the plan before and after, both from the same source.
  public internal(set) var klBefore: Estimate?
  public internal(set) var klAfter: Estimate?
}

/// The message line.
public enum Message: Hashable, Sendable {
  case note(String)
  /// Something that was asked for and not done, with the reason.
  case refusal(String)
  case edit(EditReport)
}

/// A job of the engine's as the workbench follows it.
public struct Job: Hashable, Sendable {
  public let id: Int
  public internal(set) var progress: JobProgress?
  /// What the job exports to; `nil` for work the engine began itself.
  public let exportPath: String?
}
