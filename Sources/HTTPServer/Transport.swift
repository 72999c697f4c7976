internal import EventLoop

/// The bytes of one connection: what was received, and what is still to be sent. Used on its loop only.
final class Transport {
  private let socket: Socket
  /// Bytes that were received before it was known whose they are.
  private var returned: [UInt8] = []
  /// Bytes that the socket has not taken yet, from `sentCount` on.
  private var outgoing: [UInt8] = []
  private var sentCount = 0

  /// Takes over an accepted descriptor; closes it where it cannot be watched.
  init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    socket = try Socket(adopting: descriptor, on: loop)
  }

  /// What to pass to ``EventLoop/interrupt(_:)`` to end a wait of this connection.
  var waitingPlace: Waiter { socket.waitingPlace }

  /// Appends at most `limit` bytes that have arrived to `buffer`, without waiting.
  func receive(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard returned.isEmpty else { return takeReturned(into: &buffer, limit: limit) }
    return socket.receive(into: &buffer, limit: limit)
  }

  /// Gives back bytes that were received and belong to what follows: they are received again first.
  func giveBack(_ bytes: [UInt8]) {
    returned = bytes + returned
  }

  private func takeReturned(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    let count = min(limit, returned.count)
    buffer += returned.prefix(count)
    returned.removeFirst(count)
    return .transferred(count)
  }

  func readable(until deadline: MonotonicTime) async -> WaitOutcome {
    await socket.readable(until: deadline)
  }

  /// Bytes that wait for the socket.
  var unsentCount: Int { outgoing.count - sentCount }

  /// Takes `bytes` to be sent by ``flush()``.
  func enqueue(_ bytes: consuming [UInt8]) {
    if unsentCount == 0 {
      outgoing = bytes
      sentCount = 0
    } else {
      outgoing += bytes
    }
  }

  /// Sends what the socket takes, without waiting: `.transferred` once nothing is left.
  func flush() -> TransferResult {
    while unsentCount > 0 {
      switch socket.send(outgoing[sentCount...]) {
      case .transferred(let count): sentCount += count
      case let result: return result
      }
    }
    // An idle connection holds no memory of its own.
    defer { (outgoing, sentCount) = ([], 0) }
    return .transferred(sentCount)
  }

  func writable(until deadline: MonotonicTime) async -> WaitOutcome {
    await socket.writable(until: deadline)
  }

  /// Says that nothing more will be sent, so that the peer can read everything before the connection ends.
  func shutdownSending() {
    socket.shutdownSending()
  }
}
