import CViseKernels

/// A weight in the bits of its ggml type, sixteen rows side by side, ready to be multiplied.
///
/// Products round activations to eight bits, as llama.cpp's CPU code does; `vise_packed.h` defines
/// them.
public final class PackedMatrix: Sendable {
  public let type: StorageType
  public let rows: Int
  public let columns: Int
  /// Whether only two of any four columns are stored.
  public let isSparse: Bool
  private let storage: WeightArena.Slice
  private let panelByteCount: Int

  /// Rows that are multiplied together.
  public static let panelRows = Int(VISE_PANEL_ROWS)

  /// Whether weights of `type` with `columns` columns can be packed.
  public static func supports(_ type: StorageType, columns: Int) -> Bool {
    columns > 0 && vise_packed_panel_bytes(type.rawValue, Int64(columns)) > 0
  }

  /// Whether weights of `type` that are 2:4 sparse have products here that read less for it.
  public static func supportsSparse(_ type: StorageType, columns: Int) -> Bool {
    columns > 0 && vise_sparse_best_variant() != Int32(VISE_SPARSE_PORTABLE)
      && vise_sparse_panel_bytes(type.rawValue, Int64(columns)) > 0
  }

  /// Lays out `bytes`, the rows as a file has them; `supports` must hold.
  ///
  /// - Parameter mayBeSparse: whether zeros are left out where `supportsSparse` holds and no four
  ///   columns hold more than two weights. Products are the same bit for bit.
  public init(
    _ bytes: UnsafeRawBufferPointer, type: StorageType, rows: Int, columns: Int,
    mayBeSparse: Bool = false, in arena: WeightArena, work: RowWork
  ) throws {
    let rowByteCount = type.byteCount(elements: columns) ?? 0
    precondition(rows > 0 && bytes.count >= rows * rowByteCount)
    isSparse =
      mayBeSparse && Self.supportsSparse(type, columns: columns)
      && vise_sparse_fits(
        type.rawValue, bytes.baseAddress, Int64(rowByteCount), Int64(rows), Int64(columns)) == 1
    let fill = isSparse ? vise_sparse_fill : vise_packed_fill
    let panelByteCount = Int(
      (isSparse ? vise_sparse_panel_bytes : vise_packed_panel_bytes)(
        type.rawValue, Int64(columns)))
    precondition(panelByteCount > 0)
    self.type = type
    self.rows = rows
    self.columns = columns
    self.panelByteCount = panelByteCount
    let panels = (rows + Self.panelRows - 1) / Self.panelRows
    let storage = arena.allocate(panels * panelByteCount)
    self.storage = storage
    // SAFETY: The bytes are only read, and not beyond this call.
    nonisolated(unsafe) let bytes = bytes
    try work.forEachChunk(of: panels, length: 16) { range in
      for panel in range {
        let first = panel * Self.panelRows
        let target = storage.bytes.baseAddress.map { $0 + panel * panelByteCount }
        let source = UnsafeRawBufferPointer(rebasing: bytes[(first * rowByteCount)...])
        fill(
          type.rawValue, source.baseAddress, Int64(rowByteCount),
          Int64(min(Self.panelRows, rows - first)), Int64(columns), target)
      }
    }
  }

  public var panelCount: Int { (rows + Self.panelRows - 1) / Self.panelRows }
  public var byteCount: Int { storage.count }

  /// y[t · stride + r] for the rows r of `panels` and all tokens t.
  ///
  /// - Parameter activations: rows as `RoundedActivations` makes them for this type.
  public func multiply(
    panels: Range<Int>, by activations: UnsafeRawPointer, tokens: Int,
    into y: UnsafeMutablePointer<Float>, stride: Int
  ) {
    guard let start = storage.bytes.baseAddress, !panels.isEmpty else { return }
    precondition(panels.lowerBound >= 0 && panels.upperBound <= panelCount)
    let first = panels.lowerBound * Self.panelRows
    let end = min(panels.upperBound * Self.panelRows, rows)
    let multiply = isSparse ? vise_sparse_multiply : vise_packed_multiply
    multiply(
      type.rawValue, start + panels.lowerBound * panelByteCount, Int64(end - first),
      Int64(columns), activations, Int64(tokens), y + first, Int64(stride))
  }

  /// The instruction set products run with on this machine.
  public static var variantName: String {
    switch Int(vise_packed_best_variant()) {
    case Int(VISE_PACKED_VNNI): "AVX-512 VNNI"
    case Int(VISE_PACKED_AVX2): "AVX2"
    default: "portable"
    }
  }
}

/// Activations rounded to eight bits for the products of one packed type.
public enum RoundedActivations {
  /// Bytes of one row.
  public static func rowByteCount(for type: StorageType, columns: Int) -> Int {
    Int(vise_packed_activation_bytes(type.rawValue, Int64(columns)))
  }

  /// A type that stands for all whose activations are rounded as those of `type`.
  public static func representative(of type: StorageType) -> StorageType {
    type.blockLength == 32 ? .q4_0 : .q4_K
  }

  /// Rounds `rows` rows for weights of `type`; the rows of `y` are `rowByteCount` apart.
  public static func round(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, for type: StorageType,
    into y: UnsafeMutableRawPointer
  ) {
    vise_packed_activations(type.rawValue, x, Int64(rows), Int64(columns), y)
  }
}
