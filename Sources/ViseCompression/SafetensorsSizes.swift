/// The exact length of a safetensors file in Vise's own layout, by counting its header's characters.
///
/// The header names each tensor with its shape and where its bytes lie, so its length depends on
/// the plan: on the parts of each site, and on how many digits their offsets have. Counting costs
/// some hundred nanoseconds a tensor and writes nothing.
public struct SafetensorsSizes: Hashable, Sendable {
  /// One tensor of the source, in the file's order.
  public struct Item: Hashable, Sendable {
    /// The site it is; `nil` for a tensor that cannot be treated.
    public let site: Int?
    /// Bytes of its name inside a JSON string.
    public let nameByteCount: Int
    /// Bytes of its name inside a JSON string inside a JSON string.
    public let notedNameByteCount: Int
    /// How it is stored where no plan changes it.
    public let kept: Kept
    /// The channels its elements make, for biases.
    public let link: ChannelLink?

    public init(
      site: Int?, nameByteCount: Int, notedNameByteCount: Int, kept: Kept,
      link: ChannelLink? = nil
    ) {
      self.link = link
      self.site = site
      self.nameByteCount = nameByteCount
      self.notedNameByteCount = notedNameByteCount
      self.kept = kept
    }
  }

  /// A tensor stored as the source has it.
  public struct Kept: Hashable, Sendable {
    public let suffix: String
    public let elementName: String
    public let shape: [Int]
    public let byteCount: Int
    /// What `vise.sites` says of it, for ggml's blocks.
    public let note: String?

    /// What is left of a bias; `nil` where nothing is.
    public func cut(to count: Int) -> Kept? {
      let all = shape.reduce(1, *)
      guard count > 0, all > 0 else { return nil }
      return Kept(
        suffix: suffix, elementName: elementName, shape: [count],
        byteCount: byteCount / all * count, note: note)
    }

    public init(
      suffix: String, elementName: String, shape: [Int], byteCount: Int, note: String?
    ) {
      self.suffix = suffix
      self.elementName = elementName
      self.shape = shape
      self.byteCount = byteCount
      self.note = note
    }
  }

  private let items: [Item]
  /// Bytes of the header's metadata when it says nothing of any site.
  private let metadataByteCount: Int

  public init(items: [Item], metadataByteCount: Int) {
    self.items = items
    self.metadataByteCount = metadataByteCount
  }

  /// Bytes of the file `plan` exports to; `sites` are the model's.
  ///
  /// A treatment that does not suit its site counts as kept.
  public func byteCount(of plan: Plan, sites: [Site]) -> Int {
    var header = HeaderCounter(byteCount: metadataByteCount)
    for item in items {
      if let index = item.site, let treatment = plan.change(of: sites[index]),
        let tensors = treatment.storedTensors(for: sites[index])
      {
        for tensor in tensors {
          header.add(
            name: item.nameByteCount + tensor.suffix.utf8.count,
            element: tensor.type.rawValue.utf8.count, shape: tensor.shape,
            byteCount: tensor.byteCount)
        }
        if tensors.isEmpty { continue }
        header.add(note: treatment.storageNote(for: sites[index]), name: item.notedNameByteCount)
      } else {
        let cut = plan.rowCut(of: item.link)
        guard let kept = cut.map({ item.kept.cut(to: $0.keptRows) }) ?? item.kept else { continue }
        header.add(
          name: item.nameByteCount + kept.suffix.utf8.count, element: kept.elementName.utf8.count,
          shape: kept.shape, byteCount: kept.byteCount)
        if let note = kept.note { header.add(note: note, name: item.notedNameByteCount) }
      }
    }
    return header.fileByteCount
  }
}

/// Adds up the characters of a safetensors header.
private struct HeaderCounter {
  private var byteCount: Int
  private var dataByteCount = 0
  private var noteCount = 0
  /// What surrounds a tensor's entry.
  private static let entryByteCount = ",\"\":{\"dtype\":\"\",\"shape\":[],\"data_offsets\":[,]}"
    .utf8.count
  private static let lengthByteCount = 8

  init(byteCount: Int) {
    self.byteCount = byteCount
  }

  mutating func add(name: Int, element: Int, shape: [Int], byteCount bytes: Int) {
    byteCount += Self.entryByteCount + name + element
    for dimension in shape { byteCount += Self.digits(dimension) }
    byteCount += max(0, shape.count - 1) + Self.digits(dataByteCount)
    dataByteCount += bytes
    byteCount += Self.digits(dataByteCount)
  }

  /// `\"name\":note`, its quotes and backslashes escaped, after a comma where it is not the first.
  mutating func add(note: String, name: Int) {
    let escaped = note.utf8.count { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    byteCount += note.utf8.count + escaped + name + 5 + (noteCount > 0 ? 1 : 0)
    noteCount += 1
  }

  /// A length, the header padded to eight, and the data.
  var fileByteCount: Int { Self.lengthByteCount + (byteCount + 7) / 8 * 8 + dataByteCount }

  private static func digits(_ number: Int) -> Int {
    var count = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    return count
  }
}
