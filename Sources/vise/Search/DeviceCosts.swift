import ViseCompression
import ViseDevices
import ViseModels
import ViseSearch

/// What plans cost on a device, from its published figures: priors, as `vise devices` has them.
struct DeviceCosts {
  let model: Model
  let profile: DeviceProfile
  let context: Int

  init(model: Model, device: String, context: Int) throws {
    self.model = model
    self.context = context
    profile = try DevicesCommand.profile(named: device)
    // Tells at once where the architecture cannot be run.
    _ = try DeviceWorkload(model: model, plan: Plan())
  }

  func models() -> [CostModel] {
    [
      CostModel(.decodeSeconds) { estimate($0)?.decode.total },
      CostModel(.memory) { estimate($0).map { Double($0.memory.total) } },
    ]
  }

  private func estimate(_ plan: Plan) -> DeviceEstimate? {
    guard let workload = try? DeviceWorkload(model: model, plan: plan) else { return nil }
    return DeviceEstimate(workload, on: profile, context: context, prompt: Self.prompt)
  }

  /// Costs are of decoding; memory is reported for a prompt of one token beside the context.
  private static let prompt = 1
}
