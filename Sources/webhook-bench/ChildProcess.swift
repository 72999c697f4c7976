import Glibc

/// A child process that stops with its owner.
final class ChildProcess {
  let id: pid_t
  private var isRunning = true

  /// Starts `path` with only this environment.
  ///
  /// Standard output and error go to `output`; standard input is /dev/null.
  init(_ path: String, _ arguments: [String], environment: [String], output: String) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    // This process blocks signals (Interruption); the child must not.
    var (attributes, none) = (posix_spawnattr_t(), sigset_t())
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process = pid_t()
    let result = Self.withStrings([path] + arguments) { arguments in
      Self.withStrings(environment) { posix_spawn(&process, path, &actions, &attributes, arguments, $0) }
    }
    guard result == 0 else {
      throw Failure("\(path) cannot be started: \(String(cString: strerror(result)))", .configuration)
    }
    id = process
  }

  deinit { stop() }

  /// The exit status; nil while the process runs.
  func poll() -> Int32? {
    guard isRunning else { return -1 }
    var status: Int32 = 0
    guard waitpid(id, &status, WNOHANG) == id else { return nil }
    isRunning = false
    return status
  }

  /// Waits for the exit without a timeout.
  func wait() -> Int32 {
    guard isRunning else { return -1 }
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    isRunning = false
    return status
  }

  /// Sends SIGTERM, then SIGKILL after half a minute.
  func stop() {
    guard isRunning else { return }
    kill(id, SIGTERM)
    for _ in 0..<3000 {
      if poll() != nil { return }
      usleep(10_000)
    }
    kill(id, SIGKILL)
    _ = wait()
  }

  /// A null-terminated array of C strings, valid during the call.
  private static func withStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
  }
}
