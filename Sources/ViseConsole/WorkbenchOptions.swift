public import ViseTerminal

/// How the workbench is to look and behave; what is `nil` follows from terminal and environment.
public struct WorkbenchOptions: Hashable, Sendable {
  public var color: ColorLevel?
  public var glyphs: GlyphSet?
  /// A theme's name or the path of its file.
  public var theme: String?
  public var isMouseEnabled: Bool
  /// Live figures twice a second less often, for slow lines.
  public var isSlow: Bool

  public init(
    color: ColorLevel? = nil, glyphs: GlyphSet? = nil, theme: String? = nil,
    isMouseEnabled: Bool = false, isSlow: Bool = false
  ) {
    self.color = color
    self.glyphs = glyphs
    self.theme = theme
    self.isMouseEnabled = isMouseEnabled
    self.isSlow = isSlow
  }
}
