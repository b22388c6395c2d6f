public import ViseCompression
import ViseFormats
import ViseTensor

/// A reason a file in Vise's own layout cannot be read.
public enum ViseFileError: Error, Equatable, Sendable {
  /// No safetensors file whose header says it is of Vise's layout, version 1.
  case notOurs(path: String)
  /// The site's description, or the tensors it names, do not agree with its format.
  case malformed(site: String)
  case noSuchSite(String)
}

/// Reads treated sites back from a file in Vise's own layout (`ViseLayout`).
public struct ViseFile: Sendable {
  /// What the file says of a site.
  public struct Entry: Hashable, Sendable {
    public let format: NumberFormat
    public let rows: Int
    public let columns: Int
    /// What its parts are.
    public let form: SiteForm
    /// The site that holds the basis it shares; `nil` where it holds all its parts.
    public let basis: String?

    var shape: WeightShape { WeightShape(rows: rows, columns: columns) }
  }

  /// Treated sites, and untreated ones in ggml's block types, by name.
  public let sites: [String: Entry]
  private let file: MappedFile
  private let spans: [String: Span]

  private struct Span {
    let element: String
    let shape: [Int]
    let bytes: Range<Int>
  }

  public init(path: String) throws {
    let file = try MappedFile(path: path)
    guard let (header, start) = Self.header(of: file), let metadata = header["__metadata__"],
      metadata["format"]?.asString == ViseLayout.formatName,
      metadata[ViseLayout.versionKey]?.asString == ViseLayout.version,
      let text = metadata[ViseLayout.sitesKey]?.asString,
      let notes = try? Array(text.utf8).withUnsafeBytes({ try JSONValue(parsing: $0) }),
      case .object(let members) = notes, case .object(let tensors) = header
    else { throw ViseFileError.notOurs(path: path) }
    self.file = file
    var spans: [String: Span] = [:]
    for tensor in tensors where tensor.key != "__metadata__" {
      guard let span = Self.span(tensor.value, start: start, end: file.byteCount) else {
        throw ViseFileError.malformed(site: tensor.key)
      }
      spans[tensor.key] = span
    }
    self.spans = spans
    var sites: [String: Entry] = [:]
    for member in members {
      guard let entry = Entry(member.value) else {
        throw ViseFileError.malformed(site: member.key)
      }
      sites[member.key] = entry
    }
    self.sites = sites
  }

  /// The site called `name`, as stored.
  public func site(_ name: String) throws -> CompressedSite {
    guard let entry = sites[name] else { throw ViseFileError.noSuchSite(name) }
    let weights = try entry.form.parts(of: entry.shape).map { part in
      try weight(
        part.name == "basis" ? entry.basis ?? name : name,
        suffix: part.name.isEmpty ? "" : ".\(part.name)", entry, rows: part.rows,
        columns: part.columns)
    }
    return CompressedSite(
      weights, form: entry.form, format: entry.format, shape: entry.shape,
      leavesBasis: entry.basis != nil)
  }

  private func weight(
    _ name: String, suffix: String, _ entry: Entry, rows: Int, columns: Int
  ) throws -> EncodedWeight {
    guard
      let tensors = entry.format.storedTensors(rows: rows, columns: columns, prefix: suffix)
    else { throw ViseFileError.malformed(site: name) }
    let layout = entry.format.codec.layout(rows: rows, columns: columns)
    let parts = try zip(tensors, layout).map { tensor, part in
      guard let span = spans[name + tensor.suffix], span.shape == tensor.shape,
        span.element == tensor.type.rawValue, span.bytes.count == part.byteCount
      else { throw ViseFileError.malformed(site: name) }
      let bytes = ByteBuffer(count: part.byteCount)
      file.withBytes(in: span.bytes) {
        bytes.slice(0, count: bytes.count).copyMemory(from: $0)
      }
      return EncodedWeight.Part(part, bytes: bytes)
    }
    return EncodedWeight(rows: rows, columns: columns, parts: parts)
  }

  /// The header with where the tensors' bytes begin.
  private static func header(of file: MappedFile) -> (JSONValue, Int)? {
    file.withBytes { bytes in
      guard bytes.count >= 8 else { return nil }
      let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      guard length <= UInt64(bytes.count - 8) else { return nil }
      let end = 8 + Int(length)
      let text = UnsafeRawBufferPointer(rebasing: bytes[8..<end])
      return (try? JSONValue(parsing: text)).map { ($0, end) }
    }
  }

  private static func span(_ value: JSONValue, start: Int, end: Int) -> Span? {
    guard let element = value["dtype"]?.asString,
      let shape = value["shape"]?.asArray?.map(\.asInt),
      let offsets = value["data_offsets"]?.asArray?.compactMap(\.asInt), offsets.count == 2,
      offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= end - start
    else { return nil }
    return Span(
      element: element, shape: shape.compactMap { $0 },
      bytes: start + offsets[0]..<start + offsets[1])
  }
}

extension ViseFile.Entry {
  /// Above any real weight's dimensions, and safe to multiply.
  private static let largestDimension = 1 << 28

  fileprivate init?(_ note: JSONValue) {
    guard let format = note["format"]?.asString.flatMap(NumberFormat.init(name:)),
      let rows = note["rows"]?.asInt, let columns = note["columns"]?.asInt,
      [rows, columns, note["rank"]?.asInt ?? 1].allSatisfy({
        (1...Self.largestDimension).contains($0)
      })
    else { return nil }
    var form = SiteForm.whole
    if let rank = note["rank"]?.asInt { form = .lowRank(rank: rank) }
    if let name = note["structure"] {
      guard let structure = name.asString.flatMap(Structure.init(name:)),
        structure.problem(for: WeightShape(rows: rows, columns: columns)) == nil
      else { return nil }
      form = .structured(structure)
    }
    self.init(
      format: format, rows: rows, columns: columns, form: form, basis: note["basis"]?.asString)
  }
}
