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
  private let files: FileCache
  private let hits = Mutex(0)

  /// - Parameter folder: made when first written to.
  public init(folder: String, byteBudget: Int = 4 << 30) {
    self.folder = folder
    self.byteBudget = byteBudget
    files = FileCache(folder: folder, suffix: "level", byteBudget: byteBudget)
  }

  /// The user's database, below `$XDG_CACHE_HOME`; `nil` without a home, or where `$VISE_LEVELS` is
  /// `off`.
  public static func standard() -> LevelDatabase? {
    FileCache.standardFolder("levels", unlessOff: "VISE_LEVELS").map { LevelDatabase(folder: $0) }
  }

  /// Levels found so far.
  public var hitCount: Int { hits.withLock { $0 } }

  /// The stored level of `weight` under `treatment`, or the one `make` makes, which is then kept.
  public func compress(
    _ weight: Matrix, site: Site, treatment: Treatment, calibration: String?,
    make: () throws -> CompressedSite
  ) throws -> CompressedSite {
    guard let shapes = LevelShapes(site, treatment) else { return try make() }
    let key = Self.key(weight, site, treatment, calibration)
    if let parts = files.read(key, byteCounts: shapes.byteCounts) {
      hits.withLock { $0 += 1 }
      return shapes.site(parts)
    }
    let made = try make()
    guard made.format == shapes.format, made.storedBytes.map(\.count) == shapes.byteCounts
    else { return made }
    files.write(made.storedBytes, key: key)
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
      + "\(treatment.storedFormat(for: site).name) \(treatment.name) \(source) \(FileCache.programVersion)"
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
