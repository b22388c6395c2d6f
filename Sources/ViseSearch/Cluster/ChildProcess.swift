import Glibc

/// A program run to its end.
struct ChildProcess {
  /// As `waitpid` gives it: 0 where all went well.
  let status: Int32
  let text: String
  let errors: String

  private static let outputLimit = 1 << 24

  /// What went wrong, in the program's own words.
  var lastWords: String {
    let lines = (errors.isEmpty ? text : errors).split(separator: "\n")
    return lines.last.map(String.init) ?? "it ended with status \(status >> 8)"
  }

  /// Runs `program`, looked for in `$PATH`, without input.
  static func run(_ program: String, _ arguments: [String]) throws(ClusterError) -> ChildProcess {
    // Files, not pipes: a program that says much never waits for a reader.
    guard let output = tmpfile() else { throw refusal(program, errno) }
    defer { fclose(output) }
    guard let errors = tmpfile() else { throw refusal(program, errno) }
    defer { fclose(errors) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, fileno(output), 1)
    posix_spawn_file_actions_adddup2(&actions, fileno(errors), 2)
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let fault = posix_spawnp(&child, program, &actions, nil, &words, environ)
    guard fault == 0 else { throw refusal(program, fault) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return ChildProcess(status: status, text: read(fileno(output)), errors: read(fileno(errors)))
  }

  private static func refusal(_ program: String, _ code: Int32) -> ClusterError {
    .refused(program: program, reason: String(cString: strerror(code)))
  }

  private static func read(_ descriptor: Int32) -> String {
    let size = min(max(0, Int(lseek(descriptor, 0, SEEK_END))), outputLimit)
    var bytes = [UInt8](repeating: 0, count: size)
    let count = pread(descriptor, &bytes, size, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
