extension Treatment {
  /// Why no GGUF file can hold `site` treated so, or `nil` where one can.
  public func ggufRestriction(for site: Site) -> String? {
    if form != .whole { return "GGUF runtimes have no factorized layers" }
    let format = storedFormat(for: site)
    return format.storageType == nil ? "GGUF has no type for \(format.name)" : nil
  }
}
