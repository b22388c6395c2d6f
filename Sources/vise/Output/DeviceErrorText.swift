import ViseDevices

extension ErrorText {
  static func deviceProfile(_ error: DeviceProfileError) -> String {
    let place = error.file ?? "device profile"
    return place + (error.line.map { ", line \($0): " } ?? ": ") + deviceReason(error.reason)
  }

  private static func deviceReason(_ reason: DeviceProfileError.Reason) -> String {
    switch reason {
    case .syntax(let words): words
    case .unsupportedVersion: "only version = 1 is known"
    case .unknownKey(let key): "unknown key \"\(key)\""
    case .missing(let key): "\"\(key)\" is missing"
    case .wrongType(let key, let expected): "\"\(key)\" must be \(expected)"
    case .outOfRange(let key, let value, let lowest, let highest):
      "\(key) = \(value): expected \(lowest) to \(highest)"
    case .badText(let key):
      key == "name"
        ? "\"name\" must be 1 to 24 letters a–z, digits and hyphens"
        : "\"\(key)\" must be one line of 1 to 600 printable characters"
    case .unknownKind(let kind): "kind = \"\(kind)\": expected cpu, gpu, soc or npu"
    case .noFloatUnits: "[compute] needs fp32 or fp16: something must decode weights"
    case .unclearEnergy: "[energy] takes either power, or per_byte and per_operation"
    case .duplicateName(let name): "the name \"\(name)\" is taken by another profile"
    case .notUTF8: "it is not UTF-8 text"
    case .tooLarge(let limit): "it is larger than \(limit) bytes"
    case .unreadable: "it cannot be read"
    }
  }
}
