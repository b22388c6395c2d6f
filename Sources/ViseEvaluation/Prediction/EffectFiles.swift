import Synchronization
import ViseEstimates
import ViseModels
import ViseTensor

/// Effects of single sites on disk, so that nothing is run again on reopening.
///
/// An effect's key names the model, the probe, the calibration, the treatment and the program that
/// found it. What a crash cuts off or a disk changes is recognised and ignored.
public final class EffectFiles: Sendable {
  private let files: FileCache
  private let insertions = Mutex(0)
  /// The model, the probe and all else that effects of one predictor share.
  struct Context: Sendable {
    let identity: String
    /// Features of the probe's scored rows, and logits of the drawn tokens.
    let featureCount: Int
    let shiftCount: Int
  }

  /// - Parameter folder: made when first written to.
  public init(folder: String, byteBudget: Int = 2 << 30) {
    files = FileCache(folder: folder, suffix: "effect", byteBudget: byteBudget)
  }

  /// The user's, below `$XDG_CACHE_HOME`; `nil` without a home, or where `$VISE_EFFECTS` is `off`.
  public static func standard() -> EffectFiles? {
    FileCache.standardFolder("effects", unlessOff: "VISE_EFFECTS").map { EffectFiles(folder: $0) }
  }

  /// The effect of `treatment` at the site called `site`; `nil` where it is not known.
  func effect(of site: String, _ treatment: String, in context: Context) -> SiteEffect? {
    let counts = [2 * context.featureCount, 4 * context.shiftCount, 3 * 8]
    guard
      let parts = files.read(Self.key(site, treatment, context), byteCounts: counts),
      let kl = MeanInterval(Self.values(parts[2], of: Double.self))
    else { return nil }
    return SiteEffect(
      shift: FeatureShift(words: Self.values(parts[0], of: UInt16.self)),
      drawnShifts: Self.values(parts[1], of: Float.self), kl: kl)
  }

  /// Effects stored by this object so far: those that had to be run.
  var insertionCount: Int { insertions.withLock { $0 } }

  func insert(_ effect: SiteEffect, of site: String, _ treatment: String, in context: Context) {
    insertions.withLock { $0 += 1 }
    let interval = effect.kl.interval
    let figures = [effect.kl.mean, interval?.lower ?? .nan, interval?.upper ?? .nan]
    files.write(
      [Self.bytes(effect.shift.words), Self.bytes(effect.drawnShifts), Self.bytes(figures)],
      key: Self.key(site, treatment, context))
  }

  private static func key(_ site: String, _ treatment: String, _ context: Context) -> String {
    "\(context.identity) \(FileCache.programVersion) \(site) \(treatment)"
  }

  private static func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> ByteBuffer {
    let buffer = ByteBuffer(count: values.count * MemoryLayout<Value>.stride)
    values.withUnsafeBytes { buffer.slice(0, count: buffer.count).copyMemory(from: $0) }
    return buffer
  }

  private static func values<Value: BitwiseCopyable>(
    _ buffer: ByteBuffer, of type: Value.Type
  ) -> [Value] {
    withExtendedLifetime(buffer) { Array(buffer.bytes.bindMemory(to: type)) }
  }
}

extension MeanInterval {
  /// From a mean and the ends of its interval, which are no numbers where there is none.
  fileprivate init?(_ values: [Double]) {
    guard values.count == 3, values[0].isFinite else { return nil }
    let isKnown = values[1] <= values[2]
    self.init(
      mean: values[0],
      interval: isKnown ? Interval(lower: values[1], upper: values[2], level: 0.9) : nil)
  }
}
