import Glibc
import Synchronization
public import ViseCompression
public import ViseTensor

/// Treated sites on disk, found again by what they were made of; shared by all plans and sessions.
///
/// A level's key is a hash of the weight's values, the treatment, the calibration's identity and the
/// program that made it. Levels are written beside their place and renamed; what a crash cuts off or a
/// disk changes is recognised and ignored. Where levels exceed the budget, those unused for longest
/// go first. A disk that refuses anything costs time, never a result.
public final class LevelDatabase: Sendable {
  /// The folder that holds the levels.
  public let folder: String
  /// Bytes all levels together may take.
  public let byteBudget: Int
  private let state = Mutex(State())

  private struct State {
    /// Bytes in the folder, as far as known; `nil` until it was listed.
    var byteCount: Int?
    var hits = 0
  }

  /// - Parameter folder: made when first written to.
  public init(folder: String, byteBudget: Int = 4 << 30) {
    self.folder = folder
    self.byteBudget = byteBudget
  }

  /// The user's database, below `$XDG_CACHE_HOME`; `nil` without a home, or where `$VISE_LEVELS` is
  /// `off`.
  public static func standard() -> LevelDatabase? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    guard variable("VISE_LEVELS") != "off",
      let cache = variable("XDG_CACHE_HOME") ?? variable("HOME").map({ $0 + "/.cache" })
    else { return nil }
    return LevelDatabase(folder: cache + "/vise/levels")
  }

  /// Levels found so far.
  public var hitCount: Int { state.withLock { $0.hits } }

  /// The stored level of `weight` under `treatment`, or the one `make` makes, which is then kept.
  public func compress(
    _ weight: Matrix, site: Site, treatment: Treatment, calibration: String?,
    make: () throws -> CompressedSite
  ) throws -> CompressedSite {
    guard let shapes = LevelShapes(site, treatment) else { return try make() }
    let key = Self.key(weight, site, treatment, calibration)
    if let parts = read(key, byteCounts: shapes.byteCounts) {
      state.withLock { $0.hits += 1 }
      return shapes.site(parts)
    }
    let made = try make()
    guard made.format == shapes.format, made.storedBytes.map(\.count) == shapes.byteCounts
    else { return made }
    write(made.storedBytes, key: key)
    return made
  }

  /// All that decides a level's bytes.
  private static func key(
    _ weight: Matrix, _ site: Site, _ treatment: Treatment, _ calibration: String?
  ) -> String {
    var hash = WordHash()
    withExtendedLifetime(weight) {
      hash.combine(
        UnsafeRawBufferPointer(
          start: weight.pointer, count: weight.count * MemoryLayout<Float>.stride))
    }
    // Statistics are the site's own; without them equal weights make equal levels.
    let source = calibration.map { "\($0) \(site.name)" } ?? "none"
    return "\(hash.hexadecimal) \(weight.rows)x\(weight.columns) \(site.role.rawValue) "
      + "\(treatment.storedFormat(for: site).name) \(treatment.name) \(source) \(programVersion)"
  }

  /// Another build of the program makes its own levels.
  private static let programVersion: String = {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { return "unknown" }
    return "\(status.st_size).\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }()

  private func path(_ key: String) -> String {
    var hash = WordHash()
    hash.combine(key)
    return "\(folder)/\(hash.hexadecimal).level"
  }

  private func read(_ key: String, byteCounts: [Int]) -> [ByteBuffer]? {
    let path = path(key)
    guard let file = try? MappedFile(path: path) else { return nil }
    let parts = file.withBytes { LevelFile.parts($0, key: key, byteCounts: byteCounts) }
    if parts == nil {
      unlink(path)
    } else {
      utimensat(AT_FDCWD, path, nil, 0)
    }
    return parts
  }

  private func write(_ parts: [ByteBuffer], key: String) {
    let header = LevelFile.header(key: key, parts: parts)
    let byteCount = parts.reduce(header.count) { $0 + $1.count }
    guard byteCount <= byteBudget / 2 else { return }
    LevelFolder.make(folder)
    makeRoom(for: byteCount)
    let path = path(key)
    guard LevelFolder.write(header, parts, to: path) else { return }
    state.withLock { $0.byteCount? += byteCount }
  }

  /// Deletes the levels unused for longest until `byteCount` more fit.
  private func makeRoom(for byteCount: Int) {
    state.withLock { state in
      if let known = state.byteCount, known + byteCount <= byteBudget { return }
      var files = LevelFolder.files(folder)
      var total = files.reduce(0) { $0 + $1.byteCount }
      if total + byteCount > byteBudget {
        files.sort { ($0.seconds, $0.nanoseconds) < ($1.seconds, $1.nanoseconds) }
        for file in files where total + byteCount > byteBudget {
          unlink("\(folder)/\(file.name)")
          total -= file.byteCount
        }
      }
      state.byteCount = total
    }
  }
}

extension SiteCompression {
  /// `weight` treated, or found in `levels`; errors name the site.
  func compress(
    _ weight: Matrix, site: Site, levels: LevelDatabase?, calibration: String?, work: RowWork
  ) throws -> CompressedSite {
    do {
      guard let levels else { return try compress(weight, site: site) }
      return try levels.compress(
        weight, site: site, treatment: treatment, calibration: calibration
      ) { try compress(weight, site: site) }
    } catch let error as CompressionError {
      throw ModelError.treatmentFailed(site: site.name, treatment: treatment.name, reason: error)
    }
  }
}
