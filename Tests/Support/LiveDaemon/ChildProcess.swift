internal import CSpawn
package import Foundation

/// A child process, with the interface of Foundation's `Process`.
///
/// That one lists the open descriptors with readdir(3) and copies whole `dirent`s, which ends behind the
/// buffer where some 1,350 descriptors are open: the tests would crash.
package final class ChildProcess: @unchecked Sendable {
  // `@unchecked Sendable`: the properties are set before ``run()``; the state is locked.
  package var executableURL: URL?
  package var arguments: [String] = []
  package var environment: [String: String]?
  package var currentDirectoryURL: URL?
  /// A `Pipe` or a `FileHandle`; nil for the standard input of the tests.
  package var standardInput: (any Sendable)?
  package var standardOutput: (any Sendable)?
  package var standardError: (any Sendable)?

  package enum TerminationReason { case exit, uncaughtSignal }

  private let lock = NSLock()
  private var identifier: pid_t = 0
  /// That of waitpid(2). Nil while the process runs.
  private var waitStatus: Int32?

  package init() {}

  /// The process's id. It may be another's once the process has ended and was waited for.
  package var processIdentifier: Int32 { lock.withLock { identifier } }

  package var isRunning: Bool {
    lock.withLock {
      guard identifier > 0, waitStatus == nil else { return false }
      reap(WNOHANG)
      return waitStatus == nil
    }
  }

  package var terminationReason: TerminationReason {
    lock.withLock { (waitStatus ?? 0) & 0x7f == 0 ? .exit : .uncaughtSignal }
  }

  /// The exit status, or the signal that ended the process.
  package var terminationStatus: Int32 {
    lock.withLock {
      let status = waitStatus ?? 0
      return status & 0x7f == 0 ? status >> 8 & 0xff : status & 0x7f
    }
  }

  package func run() throws {
    guard let path = executableURL?.path else { throw CocoaError(.fileNoSuchFile) }
    let variables = environment ?? ProcessInfo.processInfo.environment
    let standard = [
      descriptor(standardInput, isInput: true), descriptor(standardOutput), descriptor(standardError),
    ]
    var child: pid_t = 0
    let error = Self.withCStrings([path] + arguments) { arguments in
      Self.withCStrings(variables.map { "\($0)=\($1)" }) { environment in
        spawn_child(&child, path, arguments, environment, currentDirectoryURL?.path, standard)
      }
    }
    guard error == 0 else {
      throw NSError(domain: NSPOSIXErrorDomain, code: Int(error), userInfo: [NSFilePathErrorKey: path])
    }
    // The child's ends of the pipes: a reader here would never see their end.
    (standardInput as? Pipe)?.fileHandleForReading.closeFile()
    let outputs = [standardOutput, standardError].compactMap { $0 as? Pipe }
    for output in Set(outputs) { output.fileHandleForWriting.closeFile() }
    lock.withLock { identifier = child }
  }

  package func terminate() { if isRunning { kill(processIdentifier, SIGTERM) } }

  package func waitUntilExit() {
    let child = processIdentifier
    guard child > 0 else { return }
    var info = siginfo_t()
    // Not reaped here, because another thread may wait too.
    while lock.withLock({ waitStatus == nil }),
      waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) == -1, errno == EINTR
    {}
    lock.withLock { if waitStatus == nil { reap(0) } }
  }

  private func reap(_ options: Int32) {
    var status: Int32 = 0
    var result: pid_t
    repeat { result = waitpid(identifier, &status, options) } while result == -1 && errno == EINTR
    if result == identifier { waitStatus = status }
  }

  private func descriptor(_ file: (any Sendable)?, isInput: Bool = false) -> Int32 {
    switch file {
    case let pipe as Pipe:
      isInput
        ? pipe.fileHandleForReading.fileDescriptor : pipe.fileHandleForWriting.fileDescriptor
    case let handle as FileHandle: handle.fileDescriptor
    default: -1
    }
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
