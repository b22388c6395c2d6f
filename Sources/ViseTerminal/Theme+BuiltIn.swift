extension Theme {
  /// The theme used where none is asked for, the same as `Themes/vise-dark.toml`.
  ///
  /// Soft colours that also read on a light background; nothing but the selection, fields and the
  /// chosen value has a background of its own.
  public static let builtIn: Theme = {
    var theme = Theme(ground: ThemeColor("#121212"))
    for (role, color) in foregrounds {
      theme[role] = RoleStyle(ThemeColor(color))
    }
    for role in [StyleRole.title, .key, .edited, .mark, .bad] { theme[role].isBold = true }
    theme[.selection] = RoleStyle(ThemeColor("#ffffff"), background: ThemeColor("#3a4a6b"))
    theme[.selection].isBold = true
    theme[.choice] = RoleStyle(ThemeColor("#ffffff"), background: ThemeColor("#3a4a6b"))
    theme[.field] = RoleStyle(ThemeColor("#e4e4e4"), background: ThemeColor("#303030"))
    return theme
  }()

  private static let foregrounds: [(StyleRole, String)] = [
    (.dim, "#8a8a8a"), (.title, "#87afd7"), (.rule, "#585858"), (.heading, "#8a8a8a"),
    (.key, "#87afd7"), (.hint, "#8a8a8a"),
    (.mark, "#d7af5f"), (.edited, "#d7af87"), (.substituted, "#d7875f"),
    (.ok, "#87af87"), (.warn, "#d7af5f"), (.bad, "#d75f5f"),
    (.heat0, "#5f8787"), (.heat1, "#87af87"), (.heat2, "#d7af5f"), (.heat3, "#d7875f"),
    (.heat4, "#d75f5f"),
    (.gauge, "#5f87af"), (.track, "#4e4e4e"), (.interval, "#87afd7"),
    (.border, "#5f87af"),
  ]
}
