public import ViseCompression

/// A model's layers as a grid: a row for each block, a column for each role.
public struct HeatGrid: Hashable, Sendable {
  public struct Row: Hashable, Sendable {
    /// The block's number, or a word for layers outside all blocks.
    public let label: String
    /// Sites by column; mixtures of experts have several in a cell, other cells may have none.
    public let cells: [[Int]]
  }

  public let roles: [SiteRole]
  public let rows: [Row]

  public init(_ sites: [Site]) {
    let hasBlocks = sites.contains { $0.block != nil }
    var ordinals: [SiteRole: Int] = [:]
    var cells: [Int: [SiteRole: [Int]]] = [:]
    for site in sites {
      let ordinal = ordinals[site.role, default: 0]
      ordinals[site.role] = ordinal + 1
      // Where nothing is in a block, the first layers of all roles make up the first row.
      let row = hasBlocks ? site.block ?? -1 : ordinal
      cells[row, default: [:]][site.role, default: []].append(site.index)
    }
    let roles = SiteRole.allCases.filter { ordinals[$0] != nil }
    self.roles = roles
    rows = cells.sorted { $0.key < $1.key }.map { key, byRole in
      Row(label: key < 0 ? "other" : "\(key)", cells: roles.map { byRole[$0] ?? [] })
    }
  }

  /// The cell that holds `site`.
  public func position(of site: Int) -> (row: Int, column: Int)? {
    for (row, entry) in rows.enumerated() {
      if let column = entry.cells.firstIndex(where: { $0.contains(site) }) { return (row, column) }
    }
    return nil
  }
}

/// What treating layers costs, over blocks and roles.
public struct HeatPanel: Hashable, Sendable {
  /// Under which treatment layers are looked at.
  public enum Measure: Hashable, Sendable {
    /// What the plan says of each.
    case plan
    case bits(Int)

    public static let all: [Measure] = [.plan] + DefaultFormat.bitWidths.map(Measure.bits)

    public var title: String {
      switch self {
      case .plan: "under the plan"
      case .bits(let bits): "in \(bits) bits"
      }
    }
  }

  /// What the layers of a cell cost, each treated alone.
  public struct Value: Hashable, Sendable {
    /// The sum of divergences in nats, or for each megabyte saved.
    public let cost: Double
    /// Whether a part of it was not measured.
    public let isGuess: Bool
  }

  public let grid: HeatGrid
  public internal(set) var measure = Measure.bits(3)
  /// Whether costs are for each megabyte the treatment saves.
  public internal(set) var isPerByte = false
  public internal(set) var row = 0
  public internal(set) var column = 0
  /// By row and column; `nil` where nothing is known.
  public internal(set) var values: [[Value?]] = []
  /// By column, and by row, the sums of what is known.
  public internal(set) var roleTotals: [Double] = []
  public internal(set) var blockTotals: [Double] = []

  init(_ sites: [Site]) {
    grid = HeatGrid(sites)
  }

  /// Whether the sum of these cells lacks layers whose cost is not known yet.
  public func isPartial(_ cells: some Sequence<(row: Int, column: Int)>) -> Bool {
    measure != .plan
      && cells.contains {
        !grid.rows[$0.row].cells[$0.column].isEmpty && values[$0.row][$0.column] == nil
      }
  }

  /// The largest cost of a cell.
  public var largest: Double {
    values.reduce(0) { $1.reduce($0) { max($0, $1?.cost ?? 0) } }
  }

  /// Cells whose cost is known, and cells that have layers.
  var counts: (known: Int, all: Int) {
    let known = values.reduce(0) { $0 + $1.count { $0 != nil } }
    return (known, grid.rows.reduce(0) { $0 + $1.cells.count { !$0.isEmpty } })
  }

  /// Sites of the cell under the cursor.
  public var selected: [Int] {
    guard grid.rows.indices.contains(row), grid.roles.indices.contains(column) else { return [] }
    return grid.rows[row].cells[column]
  }
}
