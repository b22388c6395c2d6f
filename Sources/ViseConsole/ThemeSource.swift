import Glibc
public import ViseTerminal

/// Finds themes: the user's, then those beside the program.
public enum ThemeSource {
  /// The theme used where none is asked for; it is compiled in and needs no file.
  public static let defaultName = "vise-dark"

  /// The theme called `name`, or in the file `name`.
  public static func theme(_ name: String) throws(ThemeError) -> Theme {
    try Theme(toml: try text(of: name), source: text(of:))
  }

  /// Names of all themes that can be found, in alphabetical order.
  public static func names() -> [String] {
    var names: Set<String> = [defaultName]
    for folder in folders() {
      guard let stream = opendir(folder) else { continue }
      defer { closedir(stream) }
      while names.count < 1000, let entry = readdir(stream) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name.hasSuffix(".toml"), !name.hasPrefix(".") { names.insert(String(name.dropLast(5))) }
      }
    }
    return names.sorted()
  }

  private static func text(of name: String) throws(ThemeError) -> String {
    let candidates =
      name.hasSuffix(".toml") ? [System.expanded(name)] : folders().map { "\($0)/\(name).toml" }
    for path in candidates {
      if let bytes = System.contents(of: path, limit: 1 << 20) {
        return String(decoding: bytes, as: UTF8.self)
      }
    }
    // Nothing of its own: all of it is the built-in theme.
    if name == defaultName { return "" }
    throw .notFound(name)
  }

  private static func folders() -> [String] {
    var folders: [String] = []
    if let home = System.variable("XDG_CONFIG_HOME") {
      folders.append("\(home)/vise/themes")
    } else if let home = System.variable("HOME") {
      folders.append("\(home)/.config/vise/themes")
    }
    var parts = programPath().split(separator: "/").dropLast()
    for _ in 0..<5 where !parts.isEmpty {
      folders.append("/" + parts.joined(separator: "/") + "/Themes")
      folders.append("/" + parts.joined(separator: "/") + "/share/vise/themes")
      parts = parts.dropLast()
    }
    return folders
  }

  private static func programPath() -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return "" }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The sentence for a theme that cannot be used.
  public static func sentence(for error: ThemeError, theme: String) -> String {
    switch error {
    case .malformed(let detail): "theme \(theme): \(detail)"
    case .unknownRole(let role): "theme \(theme): \(role) is no style"
    case .unknownColor(let role, let color): "theme \(theme): \(color) in \(role) is no colour"
    case .notFound(let name): "theme \(name) was not found"
    case .inheritsTooDeep(let name):
      "theme \(theme): the themes it inherits from go round at \(name)"
    }
  }
}
