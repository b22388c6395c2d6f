public import ViseWorkbench

/// The journal in the file at `path`, or `nil` where the file cannot be read or holds none.
public func readJournal(path: String) -> Journal? {
  System.contents(of: path).flatMap(Journal.init(bytes:))
}
