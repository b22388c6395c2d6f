import ViseCompression

/// Patterns for layers' names, as typed commands take them.
///
/// A pattern with `*` or `?` must fit the whole name, another one may be any part of it; one after `!`
/// leaves out what it fits.
struct LayerGlob {
  private let wanted: [String]
  private let unwanted: [String]

  init(_ patterns: [String]) {
    wanted = patterns.filter { !$0.hasPrefix("!") }
    unwanted = patterns.filter { $0.hasPrefix("!") }.map { String($0.dropFirst()) }
  }

  func contains(_ site: Site) -> Bool {
    let name = site.name.lowercased()
    func fits(_ pattern: String) -> Bool { Self.fits(pattern.lowercased(), name) }
    return (wanted.isEmpty || wanted.contains(where: fits)) && !unwanted.contains(where: fits)
  }

  private static func fits(_ pattern: String, _ name: String) -> Bool {
    let isGlob = pattern.contains("*") || pattern.contains("?")
    return matches(Array((isGlob ? pattern : "*\(pattern)*").unicodeScalars), name)
  }

  /// Goes back to the last `*` only, so that time grows with the product of the lengths.
  private static func matches(_ pattern: [Unicode.Scalar], _ text: String) -> Bool {
    let name = Array(text.unicodeScalars)
    var (at, place) = (0, 0)
    var star: (pattern: Int, name: Int)?
    while place < name.count {
      if at < pattern.count, pattern[at] == "*" {
        star = (at, place)
        at += 1
      } else if at < pattern.count, pattern[at] == "?" || pattern[at] == name[place] {
        at += 1
        place += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        at = last.pattern + 1
        place = last.name + 1
      } else {
        return false
      }
    }
    return pattern[at...].allSatisfy { $0 == "*" }
  }
}
