/// A listening socket, owned. Used on its loop only.
package struct Listener: ~Copyable {
  private let loop: EventLoop
  private let waiter: Waiter
  private let descriptor: Int32

  /// Takes over a listening socket, made by ``Kernel/listen(on:backlog:)``; closes it where it cannot be watched.
  package init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    let waiter = try loop.adopt(descriptor)
    self.loop = loop
    self.waiter = waiter
    self.descriptor = descriptor
  }

  deinit {
    loop.release(waiter)
  }

  /// What to pass to ``EventLoop/interrupt(_:)`` to end a wait for connections.
  package var waitingPlace: Waiter { waiter }

  package func accept() -> AcceptResult {
    guard waiter.canRead else { return .wouldBlock }
    let result = loop.kernel.accept(from: descriptor)
    if result == .wouldBlock { waiter.canRead = false }
    return result
  }

  package func acceptable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(waiter, for: .reading, until: deadline)
  }
}
