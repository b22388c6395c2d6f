/// A character that fonts draw with gaps between cells, as what it means: rectangles.
struct GlyphShape {
  /// A rectangle in a cell whose sides are 1.
  struct Part: Hashable {
    let x, y, width, height: Double
  }

  let parts: [Part]
  /// Shades let what is behind show through.
  var opacity = 1.0

  /// Lines take a tenth of a cell's width, heavy ones twice that.
  private static let light = 0.1

  /// Parts of a block element or a box drawing character (Unicode 15, U+2500…259F); `nil` for text.
  init?(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x2581...0x2588:
      let height = Double(scalar.value - 0x2580) / 8
      parts = [Part(x: 0, y: 1 - height, width: 1, height: height)]
    case 0x2589...0x258F:
      parts = [Part(x: 0, y: 0, width: Double(0x2590 - scalar.value) / 8, height: 1)]
    case 0x2591...0x2593:
      parts = [Part(x: 0, y: 0, width: 1, height: 1)]
      opacity = Double(scalar.value - 0x2590) / 4
    default:
      guard let arms = Self.arms[scalar] else { return nil }
      parts = Self.parts(arms)
    }
  }

  /// How thick lines from the middle to each side are.
  private struct Arms {
    var left = 0.0
    var right = 0.0
    var up = 0.0
    var down = 0.0
  }

  private static let arms: [Unicode.Scalar: Arms] = [
    "─": Arms(left: 1, right: 1), "━": Arms(left: 2, right: 2),
    "│": Arms(up: 1, down: 1), "┃": Arms(up: 2, down: 2),
    "┌": Arms(right: 1, down: 1), "┐": Arms(left: 1, down: 1),
    "└": Arms(right: 1, up: 1), "┘": Arms(left: 1, up: 1),
    "├": Arms(right: 1, up: 1, down: 1), "┤": Arms(left: 1, up: 1, down: 1),
    "┣": Arms(right: 2, up: 2, down: 2), "┫": Arms(left: 2, up: 2, down: 2),
  ]

  /// Cells are half as wide as high, so that lines across are half as thick in the cell's own measure.
  private static func parts(_ arms: Arms) -> [Part] {
    var parts: [Part] = []
    func add(across thickness: Double, from: Double, to: Double) {
      guard thickness > 0 else { return }
      let height = thickness * light / 2
      parts.append(Part(x: from, y: 0.5 - height / 2, width: to - from, height: height))
    }
    func add(down thickness: Double, from: Double, to: Double) {
      guard thickness > 0 else { return }
      let width = thickness * light
      parts.append(Part(x: 0.5 - width / 2, y: from, width: width, height: to - from))
    }
    if arms.left == arms.right {
      add(across: arms.left, from: 0, to: 1)
    } else {
      add(across: arms.left, from: 0, to: 0.5)
      add(across: arms.right, from: 0.5, to: 1)
    }
    if arms.up == arms.down {
      add(down: arms.up, from: 0, to: 1)
    } else {
      add(down: arms.up, from: 0, to: 0.5)
      add(down: arms.down, from: 0.5, to: 1)
    }
    return parts
  }
}
