import ViseCompression
import ViseEstimates

/// Exact sizes under one plan, worked out once for it: a frame shows them many times.
struct PlanSizes: Hashable, Sendable {
  let plan: Plan
  /// The file the plan exports to, and its bytes.
  let target: SizeTarget
  let byteCount: Int
  let isExact: Bool
  /// Bytes of each site's values, without padding.
  let siteByteCounts: [Int]

  init(plan: Plan, sites: [Site], model: SizeModel) {
    self.plan = plan
    target = model.target(of: plan)
    byteCount = model.byteCount(of: plan, as: target)
    isExact = model.isExact(plan)
    siteByteCounts = sites.map { model.byteCount(of: $0, in: plan) }
  }
}

extension WorkbenchState {
  /// Works sizes out again where the model or the plan is another.
  mutating func updateSizes() {
    guard let summary else {
      (sizes, loadedSizes) = (nil, nil)
      return
    }
    if loadedSizes == nil {
      loadedSizes = PlanSizes(plan: Plan(), sites: summary.sites, model: summary.sizeModel)
    }
    guard sizes?.plan != document.plan else { return }
    sizes = PlanSizes(plan: document.plan, sites: summary.sites, model: summary.sizeModel)
  }
}
