package import System
package import Time

/// A listening socket, owned. Used on its loop only. A class, for the tasks that accept from it share it with who stops
/// them.
package final class Listener {
  private let loop: EventLoop
  private let handle: WaitHandle
  private let descriptor: Int32
  private var isClosed = false

  /// Takes over a listening socket, made by ``Kernel/listen(on:backlog:)``; closes it where it cannot be watched.
  package init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    handle = try loop.adopt(descriptor)
    self.loop = loop
    self.descriptor = descriptor
  }

  deinit {
    close()
  }

  /// What to pass to ``EventLoop/interrupt(_:)`` to end a wait for connections.
  package var waitHandle: WaitHandle { handle }

  package func accept() -> AcceptResult {
    guard !isClosed, handle.canRead else { return .wouldBlock }
    let result = loop.kernel.accept(from: descriptor)
    if result == .wouldBlock { handle.canRead = false }
    return result
  }

  package func acceptable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(handle, for: .reading, until: deadline)
  }

  /// From now on connecting is refused, unless another process holds the socket too. Idempotent.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    loop.release(handle)
  }
}
