import Glibc
import ViseModels
import ViseTensor

/// What was timed on this machine, on disk: a new build of the program times anew.
public final class MachineFiles: Sendable {
  private let files: FileCache

  /// - Parameter folder: made when first written to.
  public init(folder: String, byteBudget: Int = 16 << 20) {
    files = FileCache(folder: folder, suffix: "machine", byteBudget: byteBudget)
  }

  /// The user's, below `$XDG_CACHE_HOME`; `nil` without a home, or where `$VISE_MACHINE` is `off`.
  public static func standard() -> MachineFiles? {
    FileCache.standardFolder("machine", unlessOff: "VISE_MACHINE").map { MachineFiles(folder: $0) }
  }

  /// `count` numbers stored under `name` for as many threads.
  func values(_ name: String, threads: Int, count: Int) -> [Double]? {
    files.read(Self.key(name, threads), byteCounts: [8 * count]).map { parts in
      withExtendedLifetime(parts[0]) { Array(parts[0].bytes.bindMemory(to: Double.self)) }
    }
  }

  func setValues(_ values: [Double], _ name: String, threads: Int) {
    let buffer = ByteBuffer(count: 8 * values.count)
    values.withUnsafeBytes { buffer.slice(0, count: buffer.count).copyMemory(from: $0) }
    files.write([buffer], key: Self.key(name, threads))
  }

  private static func key(_ name: String, _ threads: Int) -> String {
    "\(Processor.name) \(threads) \(FileCache.programVersion) \(name)"
  }
}
