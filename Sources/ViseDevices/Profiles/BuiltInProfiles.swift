/// The device profiles that come with Vise, as the TOML a user would write.
///
/// Each names the public documents its figures are from; what those do not state, such as shares of
/// peaks that are reached, is marked as assumed or derived. `dequantization` is assumed everywhere:
/// unpacking a code, converting it, scaling it and adding a minimum are four operations, three where
/// a wide shuffle unpacks and converts at once.
enum BuiltInProfiles {
  static let texts = processors + accelerators + edge
}
