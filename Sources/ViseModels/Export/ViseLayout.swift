import ViseCompression
import ViseFormats
import ViseTensor

/// Vise's own layout of a safetensors file: every treatment as its parts, nothing lost.
///
/// One file, little-endian, tensors in the order of the source. `__metadata__` holds `format`, always
/// `vise`; `vise.version`, `1`; and `vise.sites`, a JSON object with a member a treated site: `format`
/// (the name of its number format in plans), `rows`, `columns` and, where it is a product of two
/// factors, `rank`, or where it has another form of few numbers, `structure` (as plans spell it).
///
/// - A treated site `s` is the tensors `s.<part>` its format's documentation lists, `codes`,
///   `scales` and so on, with their element types and shapes. Rows are outputs, columns inputs.
/// - A factorized site is `s.left.<part>` (rows × rank) and `s.right.<part>` (rank × columns); the
///   weight is left · right, summed in float32.
/// - `kronecker:RxC:T` is `s.outer` (T·R × C) and `s.inner` (T·rows/R × columns/C), the factors of the
///   T products below each other; the weight is the sum of outer ⊗ inner.
/// - `blocks:N` is `s.block0`, `s.block1` … (rows/N × columns/N) along the diagonal, zeros around them.
/// - `toeplitz` and `hankel` are `s.diagonals` (1 × rows + columns − 1): the weight at row i and column
///   j is number j − i + rows − 1, or i + j.
/// - `displacement:R` is `s.left` (n × R) and `s.right` (R × n); Z₁·W − W·Z₋₁ = left · right, where Z_f
///   shifts down by one and has f in its upper right corner.
/// - `shared:NAME:R` is `s.coefficients` (rows × R) and `b.basis` (R × columns), where b is the site that
///   `basis` names, or s itself where nothing is named; the weight is coefficients · basis.
/// - `f16` and `bf16` have one part, which is called `s` (or `s.left`, `s.right`).
/// - Where channels are removed, `rows` and `columns` are what is left, and biases are as short;
///   tensors of which nothing is left are not there.
/// - Other tensors have the source's name, shape and bytes. ggml's block types are no element type
///   of safetensors: their bytes are `<name>.data`, U8 [rows, bytes of a row], and `vise.sites` names
///   the type.
enum ViseLayout {
  static let version = "1"
  static let sitesKey = "vise.sites"
  static let versionKey = "vise.version"
  static let formatName = "vise"

  static func metadata(notes: [(name: String, note: String)]) -> [String: String] {
    let members = notes.map { "\(JSONValue.quoted($0.name)):\($0.note)" }
    return [
      "format": formatName, versionKey: version, sitesKey: "{\(members.joined(separator: ","))}",
    ]
  }

  /// Characters of the header without any tensor or site.
  static var emptyHeaderByteCount: Int {
    let members = metadata(notes: []).map {
      JSONValue.quoted($0.key).utf8.count + JSONValue.quoted($0.value).utf8.count + 1
    }
    return "{\"__metadata__\":{}}".utf8.count + members.reduce(0, +) + members.count - 1
  }

  /// How a tensor nothing is done to is stored.
  static func kept(_ record: TensorRecord) -> SafetensorsSizes.Kept {
    if let element = SafetensorsElement(storing: record.type) {
      return SafetensorsSizes.Kept(
        suffix: "", elementName: element.rawValue, shape: record.shape,
        byteCount: record.byteCount, note: nil)
    }
    let columns = record.shape.last ?? 1
    let rows = record.elementCount / max(columns, 1)
    return SafetensorsSizes.Kept(
      suffix: ".data", elementName: SafetensorsElement.u8.rawValue,
      shape: [rows, record.byteCount / max(rows, 1)], byteCount: record.byteCount,
      note: "{\"format\":\"\(record.type.name)\",\"rows\":\(rows),\"columns\":\(columns)}")
  }
}

extension Model {
  /// The file `plan` becomes in Vise's own layout.
  func viseExport(of plan: Plan) throws -> SafetensorsExport {
    let misfits = misfits(of: plan, in: .safetensors)
    guard misfits.isEmpty else { throw ExportError.unsuitable(misfits) }
    let sites = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0) })
    var jobs: [TensorJob] = []
    var notes: [(name: String, note: String)] = []
    for record in checkpoint.tensors {
      if let site = sites[record.name], let treatment = plan.change(of: site),
        let tensors = treatment.storedTensors(for: site)
      {
        guard !tensors.isEmpty else { continue }
        jobs.append(
          TensorJob(
            tensors: tensors.map {
              SafetensorsLayout.Tensor(
                name: site.name + $0.suffix, shape: $0.shape, element: $0.type.element)
            }, content: .parts(site, treatment)))
        notes.append((site.name, treatment.storageNote(for: site)))
      } else {
        let change = BiasChange(record, plan: plan, model: self)
        let whole = ViseLayout.kept(record)
        guard let kept = change?.cut.map({ whole.cut(to: $0.keptRows) }) ?? whole else { continue }
        let tensor = SafetensorsLayout.Tensor(
          name: record.name + kept.suffix, shape: kept.shape,
          element: SafetensorsElement(storing: record.type) ?? .u8)
        jobs.append(
          TensorJob(
            tensors: [tensor], content: change.map { .bias($0) } ?? .stored(record)))
        if let note = kept.note { notes.append((record.name, note)) }
      }
    }
    return try SafetensorsExport(metadata: ViseLayout.metadata(notes: notes), jobs: jobs)
  }

  /// Sizes of files in Vise's own layout.
  var safetensorsSizes: SafetensorsSizes {
    let indices = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0.index) })
    let items = checkpoint.tensors.map { record in
      let quoted = JSONValue.quoted(record.name)
      return SafetensorsSizes.Item(
        site: indices[record.name], nameByteCount: quoted.utf8.count - 2,
        notedNameByteCount: JSONValue.quoted(quoted).utf8.count - 6,
        kept: ViseLayout.kept(record),
        link: indices[record.name] == nil ? channelCatalog?.links[record.name] : nil)
    }
    return SafetensorsSizes(
      items: items, metadataByteCount: ViseLayout.emptyHeaderByteCount)
  }
}

extension PartType {
  /// The element type of safetensors with the same name.
  var element: SafetensorsElement {
    switch self {
    case .uint8: .u8
    case .int8: .i8
    case .int32: .i32
    case .float16: .f16
    case .bfloat16: .bf16
    case .float8E4M3: .f8E4M3
    case .float8E5M2: .f8E5M2
    case .float32: .f32
    }
  }
}
