extension Treatment {
  /// Whether GGUF has a type for what `site` becomes.
  func fitsGGUF(_ site: Site) -> Bool {
    form == .whole && storedFormat(for: site).storageType != nil
  }

  /// Why no GGUF file can hold `site` treated so, or `nil` where one can.
  public func ggufRestriction(for site: Site) -> String? {
    guard !fitsGGUF(site) else { return nil }
    return form == .whole
      ? "GGUF has no type for \(storedFormat(for: site).name)"
      : "GGUF runtimes have no factorized layers"
  }
}
