import TOMLKit
import ViseTOML

/// A reason a theme cannot be used.
public enum ThemeError: Error, Hashable, Sendable {
  case malformed(String)
  case unknownRole(String)
  case unknownColor(role: String, color: String)
  case notFound(String)
  /// Themes that inherit from each other, or too long a line of them.
  case inheritsTooDeep(String)
}

extension Theme {
  private static let depthLimit = 8

  /// Reads a theme; `source` gives the text of the themes it inherits from.
  ///
  /// Styles it does not name come from the theme it inherits from, or from the built-in one.
  public init(
    toml: String, depth: Int = 0, source: (String) throws(ThemeError) -> String
  ) throws(ThemeError) {
    let table: TOMLTable
    do throws(TOMLFault) {
      table = try SafeTOML.parse(toml)
    } catch {
      throw .malformed(error.line.map { "line \($0): \(error.words)" } ?? error.words)
    }
    var theme = Theme.builtIn
    if let parent = table["inherits"]?.string, parent != "built-in" {
      guard depth < Self.depthLimit else { throw .inheritsTooDeep(parent) }
      theme = try Theme(toml: try source(parent), depth: depth + 1, source: source)
    }
    let palette = Self.palette(table["palette"]?.table)
    if let ground = try Self.color(table["ground"]?.string, role: "ground", palette: palette) {
      theme.ground = ground
    }
    if let styles = table["styles"]?.table {
      for name in styles.keys.sorted() {
        guard let role = StyleRole.allCases.first(where: { $0.name == name }) else {
          throw .unknownRole(name)
        }
        theme[role] = try Self.style(styles[name]?.table, role: name, palette: palette)
      }
    }
    self = theme
  }

  private static func palette(_ table: TOMLTable?) -> [String: String] {
    guard let table else { return [:] }
    return Dictionary(
      table.keys.compactMap { name in table[name]?.string.map { (name, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  private static func style(
    _ table: TOMLTable?, role: String, palette: [String: String]
  ) throws(ThemeError) -> RoleStyle {
    guard let table else { throw .malformed("\(role) is not a table") }
    var style = RoleStyle()
    style.foreground = try color(table["fg"]?.string, role: role, palette: palette)
    style.background = try color(table["bg"]?.string, role: role, palette: palette)
    style.isBold = table["bold"]?.bool ?? false
    style.isDim = table["dim"]?.bool ?? false
    style.isUnderlined = table["underline"]?.bool ?? false
    style.isReversed = table["reverse"]?.bool ?? false
    return style
  }

  private static func color(
    _ text: String?, role: String, palette: [String: String]
  ) throws(ThemeError) -> ThemeColor? {
    guard let text else { return nil }
    guard let color = ThemeColor(palette[text] ?? text) else {
      throw .unknownColor(role: role, color: text)
    }
    return color
  }
}
