import ViseSearch

extension ErrorText {
  static func searchSpace(_ error: SearchSpaceError) -> String {
    switch error {
    case .nothingToChoose:
      "there is nothing to choose: every layer is kept, locked, or has one option"
    case .unreachable(let resource, let limit, let least):
      // Short enough for the message line of 80 columns, and exact enough to be typed.
      "\(words(resource)) of \(figure(limit, resource)) is out of reach: the least is "
        + figure(least, resource)
    case .conflicting(let resources):
      "no plan was found that keeps the limits on "
        + resources.map(words).joined(separator: ", ") + " together"
    case .unknownCost(let resource): "nothing is known of the \(words(resource)) of plans"
    }
  }

  static func searchJournal(_ error: SearchJournalError) -> String {
    switch error {
    case .unavailable(let path, let reason): "the search cannot be kept in \(path): \(reason)"
    case .inUse(let path): "another Vise runs this very search and keeps it in \(path)"
    case .foreign(let path): "\(path) is no journal of this search; move it or pass --fresh"
    }
  }

  static func cluster(_ error: ClusterError) -> String {
    switch error {
    case .refused(let program, let reason): "\(program) does not do it: \(reason)"
    case .failed(let task, let attempts, let log):
      "a plan could not be measured in \(attempts) attempts (task \(task)); its log ends: \(log)"
    case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)"
    }
  }

  private static func words(_ resource: Resource) -> String {
    switch resource {
    case .bytes: "size"
    case .decodeSeconds: "latency"
    case .memory: "memory"
    case .macs: "multiplications"
    case .relativeTime: "time"
    }
  }

  private static func figure(_ value: Double, _ resource: Resource) -> String {
    switch resource {
    case .bytes, .memory: "\(Int(value.rounded(.up))) B"
    case .decodeSeconds: "\(value * 1e3) ms"
    case .macs: "\(Int(value.rounded(.up))) MACs"
    case .relativeTime: "\(value) of the model's"
    }
  }
}
