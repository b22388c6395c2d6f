import ViseCompression
import ViseFormats

/// A folder in the `pack-quantized` layout of the compressed-tensors project, as vLLM and
/// transformers load it.
///
/// Integers of 4 and 8 bits are `<module>.weight_packed`, `.weight_scale`, `.weight_zero_point` and
/// `.weight_shape` (`PackedWeight`); everything else is plain floats. `config.json` gets a
/// `quantization_config` with one group a scheme, whose targets are modules by name. Scales are half
/// floats, and readers round (code − zero point) · scale to the type of the scale: exactly the values
/// `IntegerFormat` has.
struct CompressedTensorsLayout {
  /// What modules of one group share.
  struct Scheme: Hashable {
    let bits: Int
    /// Columns that share a scale; `nil` for whole rows.
    let group: Int?
    let isSymmetric: Bool

    /// The scheme of `format`; `nil` where the layout has none.
    init?(_ format: NumberFormat) {
      guard case .integer(let integer) = format, integer.bits == 4 || integer.bits == 8 else {
        return nil
      }
      switch integer.granularity {
      case .tensor: return nil
      case .channel: group = nil
      case .group(let length): group = length
      }
      bits = integer.bits
      isSymmetric = integer.isSymmetric
    }

    fileprivate var document: JSONValue {
      JSONValue(members: [
        ("num_bits", .integer(bits)), ("type", .string("int")), ("symmetric", .bool(isSymmetric)),
        ("strategy", .string(group == nil ? "channel" : "group")),
        ("group_size", group.map(JSONValue.integer) ?? .null), ("dynamic", .bool(false)),
      ])
    }

    fileprivate var order: [Int] { [bits, group ?? 0, isSymmetric ? 1 : 0] }
  }

  /// Modules by the scheme they are stored in.
  private var targets: [Scheme: [String]] = [:]
  /// Linear modules that are stored as floats.
  private var ignored: [String] = []

  fileprivate mutating func add(_ module: String, _ scheme: Scheme?) {
    if let scheme { targets[scheme, default: []].append(module) } else { ignored.append(module) }
  }

  /// What `config.json` says of the quantization.
  fileprivate var configuration: JSONValue {
    let groups = targets.sorted { $0.key.order.lexicographicallyPrecedes($1.key.order) }
      .enumerated().map { index, entry in
        (
          "group_\(index)",
          JSONValue(members: [
            ("targets", .array(entry.value.map(JSONValue.string))),
            ("weights", entry.key.document), ("input_activations", .null),
            ("output_activations", .null),
          ])
        )
      }
    return JSONValue(members: [
      ("quant_method", .string("compressed-tensors")), ("format", .string("pack-quantized")),
      ("quantization_status", .string("compressed")), ("config_groups", JSONValue(members: groups)),
      ("ignore", .array(ignored.map(JSONValue.string))), ("kv_cache_scheme", .null),
    ])
  }

  /// The tensors of a packed weight.
  fileprivate static func tensors(
    _ module: String, _ site: Site, _ scheme: Scheme
  ) -> [SafetensorsLayout.Tensor] {
    let spans = scheme.group.map { site.columns / $0 } ?? 1
    func words(_ codes: Int) -> Int { PackedWeight.wordCount(codes, bits: scheme.bits) }
    var tensors: [SafetensorsLayout.Tensor] = [
      .init(
        name: "\(module).weight_packed", shape: [site.rows, words(site.columns)], element: .i32),
      .init(name: "\(module).weight_scale", shape: [site.rows, spans], element: .f16),
    ]
    if !scheme.isSymmetric {
      tensors.append(
        .init(name: "\(module).weight_zero_point", shape: [words(site.rows), spans], element: .i32))
    }
    return tensors + [.init(name: "\(module).weight_shape", shape: [2], element: .i64)]
  }
}

extension Model {
  /// The folder `plan` becomes for compressed-tensors.
  func compressedTensorsExport(of plan: Plan, floats: FloatType) throws -> SafetensorsExport {
    let misfits = misfits(of: plan, in: .compressedTensors)
    guard misfits.isEmpty else { throw ExportError.unsuitable(misfits) }
    let sites = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0) })
    var layout = CompressedTensorsLayout()
    let jobs = try hubTensors(of: plan).map { tensor in
      let site = sites[tensor.record.name]
      guard let site, site.role != .tokenEmbedding else {
        return denseJob(tensor, site: site, plan: plan, floats: floats)
      }
      let treatment = plan.change(of: site)
      let scheme = (treatment?.format).flatMap(CompressedTensorsLayout.Scheme.init)
      layout.add(tensor.module, scheme)
      guard let treatment, let scheme else {
        return denseJob(tensor, site: site, plan: plan, floats: floats)
      }
      return TensorJob(
        tensors: CompressedTensorsLayout.tensors(
          tensor.module, treatment.reduced(site), scheme),
        content: .packed(site, treatment, order: tensor.order))
    }
    let configuration = try hubConfiguration(of: plan, floats: floats)
      .setting("quantization_config", to: layout.configuration)
    return try SafetensorsExport(
      metadata: DenseLayout.metadata, jobs: jobs, configuration: configuration)
  }
}
