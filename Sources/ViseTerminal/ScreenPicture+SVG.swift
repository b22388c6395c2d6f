extension ScreenPicture {
  /// The screen as a drawing (W3C SVG 1.1) in the theme's own colours.
  ///
  /// Text stays text, each word as wide as its cells; bars and lines are drawn, so that they meet
  /// whatever font is there.
  public static func svg(_ buffer: CellBuffer, theme: Theme) -> String {
    SVGScreen(buffer: buffer, theme: theme).document
  }
}

/// One drawing.
private struct SVGScreen {
  private static let cellWidth = 8.4
  private static let cellHeight = 17.0
  private static let margin = 12.0
  private static let baseline = 13.0
  private static let fontSize = 14

  let buffer: CellBuffer
  let theme: Theme

  var document: String {
    let width = Double(buffer.size.columns) * Self.cellWidth + 2 * Self.margin
    let height = Double(buffer.size.rows) * Self.cellHeight + 2 * Self.margin
    let rows = (0..<buffer.size.rows).map(row).joined()
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.number(width))" \
      height="\(Self.number(height))" viewBox="0 0 \(Self.number(width)) \(Self.number(height))">
      <rect width="100%" height="100%" rx="6" fill="\(ground.hex)"/>
      <g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" \
      font-size="\(Self.fontSize)">
      \(rows)</g>
      </svg>

      """
  }

  private var ground: ThemeColor { theme.ground ?? .rgb(red: 0x16, green: 0x18, blue: 0x1D) }

  /// What text is drawn in where the theme leaves it to the terminal.
  private var ink: ThemeColor {
    (ground.luminance ?? 0) > 0.5
      ? .rgb(red: 0x1C, green: 0x1C, blue: 0x1C) : .rgb(red: 0xD0, green: 0xD0, blue: 0xD0)
  }

  private func row(_ row: Int) -> String {
    let top = Self.margin + Double(row) * Self.cellHeight
    var (shapes, texts) = ("", "")
    var column = 0
    for run in ScreenPicture.runs(buffer.row(row)) {
      let look = Look(theme.style(of: run.role, at: .full), ink: ink, ground: ground)
      let left = Self.margin + Double(column) * Self.cellWidth
      let columns = run.text.unicodeScalars.reduce(0) { $0 + (ScalarWidth.columns(of: $1) ?? 1) }
      if let background = look.background {
        let width = Double(columns) * Self.cellWidth
        shapes += Self.rect(left, top, width, Self.cellHeight, background.hex)
      }
      add(run.text, look, left, top, &shapes, &texts)
      column += columns
    }
    return shapes + texts
  }

  /// Draws one run: shapes as rectangles, and each word that is between them where it stands.
  private func add(
    _ text: String, _ look: Look, _ left: Double, _ top: Double, _ shapes: inout String,
    _ texts: inout String
  ) {
    var word = ""
    var (start, at) = (left, left)
    func flush() {
      if !word.isEmpty { texts += Self.text(word, look, start, top, width: at - start) }
      word = ""
    }
    for (scalar, count) in Self.groups(text) {
      let cell = Double(ScalarWidth.columns(of: scalar) ?? 1) * Self.cellWidth
      let width = cell * Double(count)
      if scalar == " " {
        flush()
      } else if let shape = GlyphShape(scalar) {
        flush()
        shapes += Self.rects(shape, count: count, look, at, top)
      } else {
        if word.isEmpty { start = at }
        for _ in 0..<count { word.unicodeScalars.append(scalar) }
      }
      at += width
    }
    flush()
  }

  /// Equal characters side by side.
  private static func groups(_ text: String) -> [(scalar: Unicode.Scalar, count: Int)] {
    text.unicodeScalars.reduce(into: []) { groups, scalar in
      if groups.last?.scalar == scalar {
        groups[groups.count - 1].count += 1
      } else {
        groups.append((scalar, 1))
      }
    }
  }

  /// `count` equal shapes side by side; what joins from one to the next is one rectangle.
  private static func rects(
    _ shape: GlyphShape, count: Int, _ look: Look, _ left: Double, _ top: Double
  ) -> String {
    let joins = shape.parts.allSatisfy { $0.width == 1 }
    return (0..<(joins ? 1 : count)).map { index in
      shape.parts.map { part in
        rect(
          left + (Double(index) + part.x) * cellWidth, top + part.y * cellHeight,
          part.width * cellWidth * Double(joins ? count : 1), part.height * cellHeight,
          look.foreground.hex, opacity: shape.opacity * look.opacity)
      }.joined()
    }.joined()
  }

  private static func text(
    _ text: String, _ look: Look, _ left: Double, _ top: Double, width: Double
  ) -> String {
    var attributes = "fill=\"\(look.foreground.hex)\""
    if look.isBold { attributes += " font-weight=\"bold\"" }
    if look.isUnderlined { attributes += " text-decoration=\"underline\"" }
    if look.opacity < 1 { attributes += " opacity=\"\(number(look.opacity))\"" }
    return "<text x=\"\(number(left))\" y=\"\(number(top + baseline))\""
      + " textLength=\"\(number(width))\" \(attributes)>\(escaped(text))</text>\n"
  }

  private static func rect(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String,
    opacity: Double = 1
  ) -> String {
    let faint = opacity < 1 ? " fill-opacity=\"\(number(opacity))\"" : ""
    return "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\""
      + " height=\"\(number(height))\" fill=\"\(fill)\"\(faint)/>\n"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      default: result.append(character)
      }
    }
  }

  /// With at most two decimals.
  private static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    if hundredths % 100 == 0 { return "\(hundredths / 100)" }
    let fraction = hundredths % 100
    return "\(hundredths / 100)." + (fraction < 10 ? "0\(fraction)" : "\(fraction)")
  }
}

/// A role's style with every colour known.
private struct Look {
  let foreground: ThemeColor
  let background: ThemeColor?
  let isBold, isUnderlined: Bool
  let opacity: Double

  init(_ style: RoleStyle, ink: ThemeColor, ground: ThemeColor) {
    let front = style.foreground ?? ink
    foreground = style.isReversed ? style.background ?? ground : front
    background = style.isReversed ? front : style.background
    isBold = style.isBold
    isUnderlined = style.isUnderlined
    opacity = style.isDim ? 0.6 : 1
  }
}

extension ThemeColor {
  /// As `#rrggbb`; the terminal's own sixteen as xterm has them by default.
  var hex: String {
    let (red, green, blue): (UInt8, UInt8, UInt8) =
      switch self {
      case .rgb(let red, let green, let blue): (red, green, blue)
      case .ansi(let index): Self.xterm[Int(index) % Self.xterm.count]
      }
    return "#"
      + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static let xterm: [(UInt8, UInt8, UInt8)] = [
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
    (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255),
    (255, 0, 255), (0, 255, 255), (255, 255, 255),
  ]
}
