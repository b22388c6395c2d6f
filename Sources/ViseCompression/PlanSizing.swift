/// Counts the bytes of files whose layout this library does not know.
///
/// Called between a key and the frame that shows it: answers take microseconds a site.
public protocol PlanSizing: AnyObject, Sendable {
  /// Bytes of one site's values under `treatment`, with what tells how to read them.
  func byteCount(of site: Site, under treatment: Treatment) -> Int
  /// Bytes of the whole file `plan` exports to.
  func byteCount(of plan: Plan) -> Int
  /// Whether the file of `plan` has that many bytes, rather than about so many.
  func isExact(_ plan: Plan) -> Bool
}
