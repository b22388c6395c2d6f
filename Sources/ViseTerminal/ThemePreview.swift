/// A sample of a theme without the workbench.
public enum ThemePreview {
  /// One line of words in the roles they stand for, and one of the five heat levels.
  public static func screen(glyphs: GlyphSet) -> CellBuffer {
    var canvas = Canvas(size: ScreenSize(columns: 72, rows: 3), glyphs: glyphs)
    var column = 1
    var row = 0
    for sample in ThemesView.samples {
      if column + sample.text.count > 71 {
        column = 1
        row += 1
      }
      column = canvas.put(sample.text, sample.role, column: column, row: row) + 2
    }
    ThemesView.drawScales(column: 1, row: 2, on: &canvas)
    return canvas.buffer
  }
}
