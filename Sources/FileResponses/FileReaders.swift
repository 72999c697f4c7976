package import System

/// Threads that read files, because no event loop may wait for a disk.
///
/// They start with the first read. The caller suspends meanwhile, and resumes on its own executor.
package final class FileReaders: Sendable {
  private let calls: any FileCalls
  private let queue = SharedQueue<@Sendable () -> Void>(capacity: maxQueued)
  private let threads = Lock<[Thread]>([])
  private let name: String
  private let maxThreads: Int

  /// More than the streams of several listeners, each of which waits for one read at most.
  private static let maxQueued = 16_384
  /// The most that one read returns, and a response holds beside what its connection does.
  static let pieceSize = 64 * 1024

  /// - Parameters:
  ///   - name: the threads' name before their numbers.
  ///   - count: the number of threads, and so of reads at a time.
  package convenience init(named name: String, threads count: Int = 4) {
    self.init(named: name, threads: count, calls: LinuxFiles())
  }

  init(named name: String, threads count: Int, calls: any FileCalls) {
    (self.name, self.calls) = (name, calls)
    maxThreads = max(1, count)
  }

  deinit { queue.close() }

  /// Opens a regular file. The last part of the path may not be a symbolic link.
  package func open(_ path: String) async throws(SystemError) -> OpenedFile {
    try await run { [calls] () throws(SystemError) in try calls.open(path) }
  }

  /// At most `count` bytes from `offset` on; none at the end.
  func read(_ file: OpenedFile, at offset: Int, count: Int) async throws(SystemError) -> [UInt8] {
    try await run { [calls] () throws(SystemError) in
      try calls.read(file, at: offset, count: min(count, Self.pieceSize))
    }
  }

  private func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(SystemError) -> Value
  ) async throws(SystemError) -> Value {
    try start()
    let result: Result<Value, SystemError> = await withUnsafeContinuation { continuation in
      let isQueued = queue.push {
        do throws(SystemError) {
          continuation.resume(returning: .success(try body()))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
      if !isQueued { continuation.resume(returning: .failure(Self.tooManyReads)) }
    }
    return try result.get()
  }

  /// EAGAIN.
  private static let tooManyReads = SystemError(call: "read: too many reads wait", number: 11)

  private func start() throws(SystemError) {
    try threads.withLock { (threads) throws(SystemError) in
      while threads.count < maxThreads {
        threads.append(
          try Thread(named: "\(name)-\(threads.count)") { [queue] in
            while let read = queue.pop() { read() }
          })
      }
    }
  }
}
