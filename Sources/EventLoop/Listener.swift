package import System
package import Time

/// A listening socket, owned by this object. Used on its loop only.
///
/// A class, because the accepting tasks share it with the code that stops them.
package final class Listener {
  private let loop: EventLoop
  /// The handle to pass to ``EventLoop/interrupt(_:)``, which ends a wait for connections.
  package let waitHandle: WaitHandle
  private let descriptor: Int32
  private var isClosed = false

  /// Takes ownership of a socket made by ``Kernel/listen(on:mode:backlog:)``.
  ///
  /// Closes it if it cannot be watched.
  package init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    waitHandle = try loop.adopt(descriptor)
    self.loop = loop
    self.descriptor = descriptor
  }

  deinit {
    close()
  }

  package func accept() -> AcceptResult {
    guard !isClosed, waitHandle.canRead else { return .wouldBlock }
    let result = loop.kernel.accept(from: descriptor)
    if result == .wouldBlock { waitHandle.canRead = false }
    return result
  }

  package func acceptable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(waitHandle, for: .reading, until: deadline)
  }

  /// Closes the socket. Idempotent.
  ///
  /// Connections are refused from now on, unless another process holds the socket too.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    loop.release(waitHandle)
  }
}
