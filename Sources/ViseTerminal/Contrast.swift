extension ThemeColor {
  /// Red, green and blue of what a terminal with 256 colours shows, 0...1; `nil` for its own 16.
  public var shownComponents: [Double]? {
    guard case .rgb = self, let index = index(at: .full) else { return nil }
    if index >= 232 {
      return Array(repeating: Double(8 + (index - 232) * 10) / 255, count: 3)
    }
    let steps = [0.0, 95, 135, 175, 215, 255].map { $0 / 255 }
    let cube = index - 16
    return [steps[cube / 36], steps[cube / 6 % 6], steps[cube % 6]]
  }

  /// Relative luminance of what 256 colours show, from 0 for black to 1 for white.
  ///
  /// Web Content Accessibility Guidelines 2.1, "relative luminance".
  public var luminance: Double? {
    shownComponents.map { components in
      zip([0.2126, 0.7152, 0.0722], components).reduce(0) { sum, pair in
        let (weight, value) = pair
        let linear = value <= 0.04045 ? value / 12.92 : Self.power((value + 0.055) / 1.055)
        return sum + weight * linear
      }
    }
  }

  /// `base` to the power of 2.4, for a base in 0...1: its square times that square's fifth root.
  private static func power(_ base: Double) -> Double {
    let square = base * base
    // Newton's method from above comes down to the root without passing it.
    var root = 1.0
    for _ in 0..<64 where square > 0 {
      root -= (root * root * root * root * root - square) / (5 * root * root * root * root)
    }
    return square * root
  }

  /// How far two colours are apart in luminance: 1 where they are the same, 21 for black on white.
  ///
  /// Web Content Accessibility Guidelines 2.1, "contrast ratio"; `nil` where one of them is the
  /// terminal's to choose.
  public func contrast(with other: ThemeColor) -> Double? {
    guard let first = luminance, let second = other.luminance else { return nil }
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)
  }
}

extension StyleRole {
  /// Roles that lines and tracks are drawn with, which may be fainter than text.
  public static let decorative: Set<StyleRole> = [.rule, .track]
  /// Roles of bars and frames: WCAG asks 3:1 of what is looked at and not read.
  public static let graphical: Set<StyleRole> = [
    .heat0, .heat1, .heat2, .heat3, .heat4, .gauge, .interval, .border,
  ]
}

extension Theme {
  /// Contrast of a role's text with its background, or with the ground where it has none.
  public func contrast(of role: StyleRole) -> Double? {
    guard let foreground = self[role].foreground, let ground = self[role].background ?? ground
    else { return nil }
    return foreground.contrast(with: ground)
  }

  /// The least contrast of roles that are read; `nil` where the terminal chooses all colours.
  public var leastTextContrast: Double? {
    StyleRole.allCases.filter {
      !StyleRole.decorative.contains($0) && !StyleRole.graphical.contains($0)
    }.compactMap { contrast(of: $0) }.min()
  }
}
