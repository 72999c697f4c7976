package import System
package import Time

/// A connected socket, closed when its owner releases it.
///
/// Used on its loop only.
package struct Socket: ~Copyable {
  private let loop: EventLoop
  /// The handle to pass to ``EventLoop/interrupt(_:)``, which ends a wait for this socket.
  package let waitHandle: WaitHandle
  private let descriptor: Int32

  /// Takes ownership of an accepted descriptor; closes it if it cannot be watched.
  package init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    waitHandle = try loop.adopt(descriptor)
    self.loop = loop
    self.descriptor = descriptor
  }

  deinit {
    loop.release(waitHandle)
  }

  /// Appends at most `limit` bytes that have arrived to `buffer`, without blocking.
  package func receive(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard waitHandle.canRead else { return .wouldBlock }
    let wanted = min(limit, EventLoop.scratchSize)
    let result = loop.receive(from: descriptor, limit: wanted) { buffer.append(contentsOf: $0) }
    switch result {
    // epoll(7): a short read has emptied the buffer, so the next arrival is a new edge. After a hang-up no
    // further edge comes.
    case .transferred(let count):
      assert(count <= wanted, "more bytes were received than requested")
      waitHandle.canRead = count == wanted || waitHandle.hungUp
    case .wouldBlock: waitHandle.canRead = false
    case .endOfStream, .broken: break
    }
    return result
  }

  /// Sends as much of `bytes` as fits, without blocking.
  package func send(_ bytes: ArraySlice<UInt8>) -> TransferResult {
    guard waitHandle.canWrite else { return .wouldBlock }
    let result = bytes.withUnsafeBytes { loop.kernel.send($0, to: descriptor) }
    if result == .wouldBlock { waitHandle.canWrite = false }
    return result
  }

  package func readable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(waitHandle, for: .reading, until: deadline)
  }

  package func writable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(waitHandle, for: .writing, until: deadline)
  }

  /// Whether the peer has shut down its sending side, or the connection broke.
  ///
  /// Known without a read, so bytes that have arrived stay where they are.
  package var isHungUp: Bool { waitHandle.hungUp }

  /// Waits until ``isHungUp``.
  package func hangUp(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(waitHandle, for: .hangUp, until: deadline)
  }

  /// Shuts down the sending side (shutdown(2)).
  ///
  /// The peer then reads to the end of the data.
  package func shutdownSending() {
    loop.kernel.shutdownSending(descriptor)
  }
}
