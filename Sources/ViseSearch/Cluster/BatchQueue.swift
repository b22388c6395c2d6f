/// Why work given to a cluster could not be done there.
public enum ClusterError: Error, Hashable, Sendable {
  /// A program of the queue could not be run, or said no.
  case refused(program: String, reason: String)
  /// A measurement did not come to an end, as often as it was tried; `log` is what it wrote last.
  case failed(task: String, attempts: Int, log: String)
  case unwritable(path: String, reason: String)
}

/// A task of an array job.
public struct QueuedTask: Hashable, Sendable {
  public let job: String
  public let index: Int

  public init(job: String, index: Int) {
    self.job = job
    self.index = index
  }
}

/// A queue of jobs that others run, such as Slurm's.
public protocol BatchQueue: Sendable {
  /// Submits `script` as an array job of `count` tasks and returns the job's name.
  ///
  /// - Parameters:
  ///   - name: what the job is called, by which `active` finds it.
  ///   - log: where a task writes what it says, with `%a` for its index.
  func submit(script: String, count: Int, name: String, log: String) throws(ClusterError) -> String

  /// The tasks of jobs called `name` that wait or run; `nil` where the queue does not answer.
  func active(name: String) -> Set<QueuedTask>?

  /// Ends what waits or runs under `name`.
  func cancel(name: String)
}
