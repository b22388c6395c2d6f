import ViseCompression
import ViseFormats
import ViseGraphs
import ViseTensor

extension InspectCommand.Report {
  /// What is listed of an ONNX model.
  init(_ model: GraphModel) {
    let unsupported = model.unsupportedOperators
    let reason =
      unsupported.isEmpty
      ? nil : ErrorText.describe(GraphError.unsupportedOperators(unsupported))
    self.init(
      model: ModelEntry(
        name: model.name, architecture: "onnx", parameters: model.parameterCount,
        bytes: model.source.byteCount, format: "onnx", runnable: reason == nil,
        notRunnableReason: reason,
        graph: GraphEntry(
          opsets: Dictionary(
            model.source.opsets.map { ($0.key.isEmpty ? "ai.onnx" : $0.key, $0.value) },
            uniquingKeysWith: { first, _ in first }),
          operators: model.operatorCounts, unsupportedOperators: unsupported)),
      sites: model.sites.map { site in
        SiteEntry(
          name: site.site.name, role: site.site.role.rawValue, block: nil, shape: site.shape,
          format: site.type.name, bytes: site.byteCount, parameters: site.site.parameterCount,
          planned: nil)
      },
      planned: nil)
  }
}
