package import System
package import Time

/// One connection, owned: it closes when its owner lets it go. Used on its loop only.
package struct Socket: ~Copyable {
  private let loop: EventLoop
  private let handle: WaitHandle
  private let descriptor: Int32

  /// Takes over an accepted descriptor; closes it where it cannot be watched.
  package init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    let handle = try loop.adopt(descriptor)
    self.loop = loop
    self.handle = handle
    self.descriptor = descriptor
  }

  deinit {
    loop.release(handle)
  }

  /// What to pass to ``EventLoop/interrupt(_:)`` to end a wait of this socket.
  package var waitHandle: WaitHandle { handle }

  /// The peer has said that it will send no more, or is gone.
  package var isHungUp: Bool { handle.hungUp }

  /// Appends at most `limit` bytes that have arrived to `buffer`, without waiting.
  package func receive(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard handle.canRead else { return .wouldBlock }
    let wanted = min(limit, EventLoop.scratchSize)
    let result = loop.receive(from: descriptor, limit: wanted) { buffer.append(contentsOf: $0) }
    switch result {
    // epoll(7): a short read has emptied the buffer, so the next arrival is a new edge. Not so after a hang-up, whose
    // edge has passed already.
    case .transferred(let count): handle.canRead = count == wanted || handle.hungUp
    case .wouldBlock: handle.canRead = false
    case .endOfStream, .broken: break
    }
    return result
  }

  /// Sends as much of `bytes` as fits, without waiting.
  package func send(_ bytes: ArraySlice<UInt8>) -> TransferResult {
    guard handle.canWrite else { return .wouldBlock }
    let result = bytes.withUnsafeBytes { loop.kernel.send($0, to: descriptor) }
    if result == .wouldBlock { handle.canWrite = false }
    return result
  }

  package func readable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(handle, for: .reading, until: deadline)
  }

  package func writable(until deadline: MonotonicTime) async -> WaitOutcome {
    await loop.wait(handle, for: .writing, until: deadline)
  }

  /// Says that nothing more will be sent, so that the peer can read everything before the connection ends.
  package func shutdownSending() {
    loop.kernel.shutdownSending(descriptor)
  }
}
