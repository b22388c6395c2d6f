public import ViseCompression
import ViseFormats

/// What a planned model can be written as.
public enum ExportTarget: String, CaseIterable, Hashable, Sendable {
  /// A GGUF file, which llama.cpp and others run.
  case gguf
  /// Vise's own layout of safetensors, which holds every treatment (`ViseLayout`).
  case safetensors
  /// A folder vLLM and transformers load through compressed-tensors (`CompressedTensorsLayout`).
  case compressedTensors = "compressed-tensors"
  /// A folder with the values as plain floats, which anything loads (`DenseLayout`).
  case dense

  /// Whether it is a folder of `model.safetensors` and `config.json`, not one file.
  public var isFolder: Bool { self == .compressedTensors || self == .dense }
}

/// How plain floats are stored.
public enum FloatType: String, CaseIterable, Hashable, Sendable {
  case f16, bf16, f32

  /// What `config.json` calls it.
  var torchName: String {
    switch self {
    case .f16: "float16"
    case .bf16: "bfloat16"
    case .f32: "float32"
    }
  }
}

extension Model {
  /// GGUF where the model and all of `plan` can be written so, else safetensors.
  public func exportTarget(of plan: Plan) -> ExportTarget {
    checkpoint.format == .gguf && ggufMisfits(of: plan).isEmpty ? .gguf : .safetensors
  }

  /// The target a file name asks for: GGUF or safetensors by its extension, else what holds `plan`.
  public func exportTarget(of plan: Plan, path: String) -> ExportTarget {
    if path.lowercased().hasSuffix(".gguf") { return .gguf }
    if path.lowercased().hasSuffix(".safetensors") { return .safetensors }
    return exportTarget(of: plan)
  }

  /// The sites whose treatment `target` cannot hold, with reasons; found before any work.
  public func misfits(of plan: Plan, in target: ExportTarget) -> [ExportMisfit] {
    switch target {
    case .gguf: ggufMisfits(of: plan)
    case .safetensors: unsuitable(plan)
    case .dense: unsuitable(plan) + structureMisfits(of: plan)
    case .compressedTensors:
      CompressedTensorsCheck(model: self).misfits(of: plan) + structureMisfits(of: plan)
    }
  }

  /// The sites whose treatment does not suit them.
  private func unsuitable(_ plan: Plan) -> [ExportMisfit] {
    sites.compactMap { site in
      guard let treatment = plan.change(of: site), let problem = treatment.problem(for: site)
      else { return nil }
      return ExportMisfit(site: site.name, treatment: treatment.name, reason: problem)
    }
  }
}
