import Glibc

/// Why a search's journal could not be used.
public enum SearchJournalError: Error, Hashable, Sendable {
  case unavailable(path: String, reason: String)
  /// Another process runs the same search.
  case inUse(path: String)
  /// The file is no journal of this search.
  case foreign(path: String)
}

/// What a search has measured so far, on disk, so that it goes on where it was stopped.
///
/// Text, a line a measurement, flushed before the search acts on it. The first line names the search;
/// a line cut off by a crash is dropped. The file is locked for as long as it is open.
public final class SearchJournal {
  /// One measurement: a choice, on windows from `start` on.
  public struct Entry: Hashable, Sendable {
    public var choice: [Int]
    public var start: Int
    /// Mean KL of each window, in nats.
    public var losses: [Double]
    /// Seconds the search had run for.
    public var seconds: Double

    public init(choice: [Int], start: Int, losses: [Double], seconds: Double) {
      self.choice = choice
      self.start = start
      self.losses = losses
      self.seconds = seconds
    }
  }

  /// What treating one site alone was found to lose.
  public struct Effect: Hashable, Sendable {
    /// The site's place in the model.
    public var site: Int
    /// The treatment's name.
    public var treatment: String
    /// Mean KL on the probe, in nats.
    public var loss: Double
    /// Seconds the search had run for.
    public var seconds: Double

    public init(site: Int, treatment: String, loss: Double, seconds: Double) {
      self.site = site
      self.treatment = treatment
      self.loss = loss
      self.seconds = seconds
    }
  }

  public let path: String
  /// Measurements of plans that were found in the file.
  public let entries: [Entry]
  /// Those of single sites.
  public let effects: [Effect]
  private let descriptor: Int32

  private static let magic = "vise-search 1"
  private static let sizeLimit = 1 << 28

  /// Opens the journal of the search called `identity` in `folder`, which is made where it is missing.
  public convenience init(
    folder: String, identity: String, isFresh: Bool = false
  ) throws(SearchJournalError) {
    var path = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
      path += (path.isEmpty && part.isEmpty ? "" : part) + "/"
      guard mkdir(path, 0o755) == 0 || errno == EEXIST || errno == EROFS else {
        throw Self.fault(path)
      }
    }
    try self.init(
      path: "\(folder)/\(identity).search", identity: identity, isFresh: isFresh)
  }

  /// Opens the journal of the search called `identity`, or begins it.
  ///
  /// - Parameter isFresh: forgets what an earlier run measured.
  public init(
    path: String, identity: String, isFresh: Bool = false
  ) throws(SearchJournalError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.fault(path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .inUse(path: path)
    }
    do {
      let header = "\(Self.magic) \(identity)"
      if isFresh, ftruncate(descriptor, 0) != 0 { throw Self.fault(path) }
      let text = try Self.read(descriptor, path)
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      // What follows the last line end was cut off; so is a file that ends before its first one.
      lines.removeLast()
      guard lines.isEmpty || lines[0] == header else {
        throw SearchJournalError.foreign(path: path)
      }
      let whole = lines.dropFirst().map { Line($0) }
      let sound = whole.prefix { $0 != nil }.compactMap { $0 }
      entries = sound.compactMap { if case .entry(let entry) = $0 { entry } else { nil } }
      effects = sound.compactMap { if case .effect(let effect) = $0 { effect } else { nil } }
      let kept =
        lines.isEmpty ? 0 : lines.prefix(sound.count + 1).reduce(0) { $0 + $1.utf8.count + 1 }
      guard ftruncate(descriptor, kept) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
        throw Self.fault(path)
      }
      if lines.isEmpty { try Self.write(header + "\n", descriptor, path) }
    } catch let error as SearchJournalError {
      close(descriptor)
      throw error
    } catch {
      close(descriptor)
      throw Self.fault(path)
    }
  }

  deinit { close(descriptor) }

  /// Keeps a measurement; once this has returned, no crash takes it away.
  public func add(_ entry: Entry) throws(SearchJournalError) { try add(line: entry.line) }

  /// As `add(_: Entry)`.
  public func add(_ effect: Effect) throws(SearchJournalError) { try add(line: effect.line) }

  private func add(line: String) throws(SearchJournalError) {
    try Self.write(line + "\n", descriptor, path)
    guard fdatasync(descriptor) == 0 else { throw Self.fault(path) }
  }

  private static func read(_ descriptor: Int32, _ path: String) throws(SearchJournalError)
    -> String
  {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw fault(path) }
      if count == 0 { break }
      bytes += chunk[..<count]
      guard bytes.count <= sizeLimit else { throw .foreign(path: path) }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .foreign(path: path)
    }
    return text
  }

  private static func write(
    _ text: String, _ descriptor: Int32, _ path: String
  ) throws(SearchJournalError) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw fault(path) }
      rest = rest.dropFirst(count)
    }
  }

  private static func fault(_ path: String) -> SearchJournalError {
    .unavailable(path: path, reason: String(cString: strerror(errno)))
  }
}

extension SearchJournal {
  /// What a line says.
  fileprivate enum Line {
    case entry(Entry)
    case effect(Effect)

    init?(_ line: Substring) {
      if let entry = Entry(line: line) {
        self = .entry(entry)
      } else if let effect = Effect(line: line) {
        self = .effect(effect)
      } else {
        return nil
      }
    }
  }
}

extension SearchJournal.Effect {
  private static let mark = "alone"

  /// `alone site loss seconds treatment .`; treatments have spaces in their names.
  fileprivate var line: String {
    let figures = [loss, seconds].map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
    return "\(Self.mark) \(site) \(figures) \(treatment) ."
  }

  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count > 5, words[0] == Self.mark, words.last == ".", let site = Int(words[1]),
      let loss = UInt64(words[2], radix: 16), let seconds = UInt64(words[3], radix: 16)
    else { return nil }
    self.init(
      site: site, treatment: words[4..<(words.count - 1)].joined(separator: " "),
      loss: Double(bitPattern: loss), seconds: Double(bitPattern: seconds))
  }
}

extension SearchJournal.Entry {
  /// `start seconds choice losses`, numbers to the bit: a resumed search sees what it saw before.
  fileprivate var line: String {
    let choice = choice.map(String.init).joined(separator: ",")
    let losses = losses.map { String($0.bitPattern, radix: 16) }.joined(separator: ",")
    return "\(start) \(String(seconds.bitPattern, radix: 16)) \(choice) \(losses) ."
  }

  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 5, words[4] == ".", let start = Int(words[0]), start >= 0,
      let seconds = UInt64(words[1], radix: 16).map(Double.init(bitPattern:))
    else { return nil }
    let choice = words[2].split(separator: ",").map { Int($0) }
    let losses = words[3].split(separator: ",").map { UInt64($0, radix: 16) }
    guard !choice.contains(nil), !losses.contains(nil), !losses.isEmpty else { return nil }
    self.init(
      choice: choice.compactMap { $0 }, start: start,
      losses: losses.compactMap { $0.map(Double.init(bitPattern:)) }, seconds: seconds)
  }
}
