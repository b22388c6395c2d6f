/// Slurm's queue, through `sbatch`, `squeue` and `scancel` as they are found in `$PATH`.
public struct SlurmQueue: BatchQueue {
  /// What is passed to `sbatch` besides, such as `--partition=long`.
  private let options: [String]

  public init(options: [String]) {
    self.options = options
  }

  public func submit(
    script: String, count: Int, name: String, log: String
  ) throws(ClusterError) -> String {
    let output = try ChildProcess.run(
      "sbatch",
      [
        "--parsable", "--array=0-\(count - 1)", "--job-name=\(name)", "--output=\(log)",
        "--requeue",
      ] + options + [script])
    // The job's number, and after a semicolon the cluster's name.
    let job = output.text.split { $0 == ";" || $0.isWhitespace }.first.map(String.init)
    guard output.status == 0, let job, Int(job) != nil else {
      throw .refused(program: "sbatch", reason: output.lastWords)
    }
    return job
  }

  public func active(name: String) -> Set<QueuedTask>? {
    guard
      let output = try? ChildProcess.run(
        "squeue", ["--noheader", "--array", "--name=\(name)", "--format=%F %K"]),
      output.status == 0
    else { return nil }
    return Set(
      output.text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        guard words.count == 2, let index = Int(words[1]) else { return nil }
        return QueuedTask(job: String(words[0]), index: index)
      })
  }

  public func cancel(name: String) {
    // Where even this fails, the jobs end by themselves and what they measured is found again.
    _ = try? ChildProcess.run("scancel", ["--name=\(name)"])
  }
}
