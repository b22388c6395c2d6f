/// Something on the disk that may be opened, or why it cannot be.
public struct ModelEntry: Hashable, Sendable {
  /// Why it is listed.
  public enum Kind: String, Hashable, Sendable {
    case recent, sample, folder, model
  }

  public let kind: Kind
  public let path: String
  /// How the list shows it; untrusted text.
  public let name: String
  /// `nil` for folders.
  public let byteCount: Int?
  /// What is known of it, such as when it was edited last.
  public let detail: String
  /// Why it cannot be opened; `nil` where nothing speaks against it.
  public let problem: String?

  public init(
    kind: Kind, path: String, name: String, byteCount: Int? = nil, detail: String = "",
    problem: String? = nil
  ) {
    self.kind = kind
    self.path = path
    self.name = name
    self.byteCount = byteCount
    self.detail = detail
    self.problem = problem
  }
}

/// What a folder holds, with recent and sample models before it.
public struct ModelListing: Hashable, Sendable {
  public let folder: String
  public let entries: [ModelEntry]
  /// Why the folder could not be read, or was not read to its end.
  public let problem: String?

  public init(folder: String, entries: [ModelEntry], problem: String? = nil) {
    self.folder = folder
    self.entries = entries
    self.problem = problem
  }
}

/// The list of models to begin with.
public struct ModelPicker: Hashable, Sendable {
  /// `nil` until it was read.
  public internal(set) var listing: ModelListing?
  /// The folder asked for.
  public internal(set) var folder: String
  public internal(set) var cursor = 0

  public var selected: ModelEntry? {
    guard let entries = listing?.entries, entries.indices.contains(cursor) else { return nil }
    return entries[cursor]
  }
}

extension WorkbenchState {
  /// A workbench that first asks which model to open.
  public init(choosingIn folder: String, isMouseEnabled: Bool = false) {
    self.init(modelPath: "", isMouseEnabled: isMouseEnabled)
    opening = .choosing
    picker = ModelPicker(folder: folder)
  }

  mutating func receive(_ listing: ModelListing) {
    guard opening == .choosing, picker?.folder == listing.folder else { return }
    picker?.listing = listing
    movePicker(to: picker?.cursor ?? 0)
    if let problem = listing.problem { message = .refusal(problem) }
  }

  mutating func movePicker(to position: Int) {
    let count = picker?.listing?.entries.count ?? 0
    picker?.cursor = min(max(position, 0), max(count - 1, 0))
  }

  private mutating func list(_ folder: String) -> [WorkbenchEffect] {
    picker?.folder = folder
    picker?.cursor = 0
    message = nil
    return [.listModels(folder: folder)]
  }

  /// Opens the model at `path`; nothing is open yet.
  mutating func openModel(_ path: String) -> [WorkbenchEffect] {
    guard summary == nil, !path.isEmpty else { return [] }
    modelPath = path
    opening = .underWay
    message = nil
    return [.openModel(path: path)]
  }

  /// Goes back to the list after a model could not be opened.
  mutating func chooseAgain() -> [WorkbenchEffect] {
    guard case .failed = opening, let picker else { return [] }
    opening = .choosing
    return [.listModels(folder: picker.folder)]
  }

  mutating func performInPicker(_ command: Command) -> [WorkbenchEffect] {
    guard let picker else { return [] }
    switch command {
    case .moveUp: movePicker(to: picker.cursor - 1)
    case .moveDown: movePicker(to: picker.cursor + 1)
    case .pageUp: movePicker(to: picker.cursor - reading.rowCount)
    case .pageDown: movePicker(to: picker.cursor + reading.rowCount)
    case .moveToTop: movePicker(to: 0)
    case .moveToBottom: movePicker(to: .max)
    case .folderUp: return list(Self.parent(of: picker.folder))
    case .confirm:
      guard let entry = picker.selected else { return [] }
      if let problem = entry.problem { return refuse(problem) }
      return entry.kind == .folder ? list(entry.path) : openModel(entry.path)
    case .openPrompt, .openHelp, .openThemes, .openLog, .quit, .toggleMouse:
      return performOnBench(command)
    default: break
    }
    return []
  }

  static func parent(of folder: String) -> String {
    guard let slash = folder.lastIndex(of: "/"), slash > folder.startIndex else { return "/" }
    return String(folder[..<slash])
  }
}
