/// A checkpoint's metadata: keys in the file's order, each with its value.
public struct Metadata: Hashable, Sendable {
  /// One key with its value.
  public struct Entry: Hashable, Sendable {
    public let key: String
    public let value: MetadataValue
    /// Key, type and value as the source file has them; `nil` for an entry made here.
    let source: ByteRegion?

    init(key: String, value: MetadataValue, source: ByteRegion? = nil) {
      self.key = key
      self.value = value
      self.source = source
    }
  }

  public private(set) var entries: [Entry] = []
  private var indices: [String: Int] = [:]

  public init() {}

  public var keys: [String] { entries.map(\.key) }

  /// The value of `key`; setting replaces it in place or appends it, `nil` removes it.
  public subscript(key: String) -> MetadataValue? {
    get { indices[key].map { entries[$0].value } }
    set {
      guard let newValue else { return remove(key) }
      let entry = Entry(key: key, value: newValue)
      if let index = indices[key] {
        entries[index] = entry
      } else {
        append(entry)
      }
    }
  }

  /// Adds an entry; false, and no change, where the key is already there.
  @discardableResult
  mutating func append(_ entry: Entry) -> Bool {
    guard indices[entry.key] == nil else { return false }
    indices[entry.key] = entries.count
    entries.append(entry)
    return true
  }

  private mutating func remove(_ key: String) {
    guard let index = indices[key] else { return }
    entries.remove(at: index)
    indices = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.key, $0) })
  }
}
