/// How one role looks.
public struct RoleStyle: Hashable, Sendable {
  public var foreground: ThemeColor?
  public var background: ThemeColor?
  public var isBold = false
  public var isDim = false
  public var isUnderlined = false
  public var isReversed = false

  public init(_ foreground: ThemeColor? = nil, background: ThemeColor? = nil) {
    self.foreground = foreground
    self.background = background
  }
}

/// A look for every role.
public struct Theme: Hashable, Sendable {
  public private(set) var styles: [StyleRole: RoleStyle]
  /// The background it is made for: contrast is reckoned against it, it is never painted.
  public var ground: ThemeColor?

  public init(styles: [StyleRole: RoleStyle] = [:], ground: ThemeColor? = nil) {
    self.styles = styles
    self.ground = ground
  }

  public subscript(role: StyleRole) -> RoleStyle {
    get { styles[role] ?? RoleStyle() }
    set { styles[role] = newValue }
  }

  /// How `role` looks on a terminal of this level.
  ///
  /// Without colours, roles that only colour would tell apart get an attribute instead.
  public func style(of role: StyleRole, at level: ColorLevel) -> RoleStyle {
    var style = self[role]
    guard level == .mono else { return style }
    style.foreground = nil
    style.background = nil
    switch role {
    case .selection, .choice: style.isReversed = true
    case .title, .key, .edited, .mark, .bad, .warn, .substituted, .value: style.isBold = true
    case .field: style.isUnderlined = true
    default: break
    }
    return style
  }
}
