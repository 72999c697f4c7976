import Glibc

/// A blocking connection that sends raw bytes. Every wait ends after `timeout`.
final class Client {
  enum Arrival: Equatable {
    case bytes([UInt8])
    case end
    case reset
    case nothing
  }

  struct Unreachable: Error {}

  private let descriptor: Int32
  private let timeoutMilliseconds: Int32
  private let peer: sockaddr_in
  /// Created by the first wait, which few connections have.
  private lazy var peerQueue = PeerQueue(of: peer, seenFrom: descriptor)

  init(to endpoint: Endpoint, timeout: Duration) throws(Unreachable) {
    timeoutMilliseconds =
      Int32(timeout.components.seconds * 1000)
      + Int32(timeout.components.attoseconds / 1_000_000_000_000_000)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Unreachable() }
    // Without this the kernel delays a small segment while an earlier one is not acknowledged.
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    // A peer that reads nothing for that long must not block the sender.
    var bound = timeval(tv_sec: Int(timeoutMilliseconds) / 1000, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(truncatingIfNeeded: endpoint.port).bigEndian
    inet_pton(AF_INET, endpoint.address, &address.sin_addr)
    let result = withUnsafeBytes(of: address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw Unreachable()
    }
    self.descriptor = descriptor
    peer = address
  }

  /// Closes with a reset.
  ///
  /// Neither side then keeps the port in TIME_WAIT, of which thousands of connections per second would run
  /// out. A server that lingers need not wait either.
  deinit {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    close(descriptor)
  }

  /// Sends `bytes`; false once the peer takes no more.
  @discardableResult
  func send(_ bytes: ArraySlice<UInt8>) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  func halfClose() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Waits until the server has read everything sent.
  ///
  /// It then reads what follows separately.
  ///
  /// No fixed pause is involved, which would be too short on a slow machine. If the kernel does not report
  /// the peer's queue, it waits for the acknowledgement (SIOCOUTQ, which is TIOCOUTQ). The wait is bounded,
  /// because a server that has refused reads no more.
  func waitUntilTaken() {
    let start = ContinuousClock.now
    while isQueued, ContinuousClock.now - start < .milliseconds(20) { sched_yield() }
  }

  private var isQueued: Bool {
    if let unread = peerQueue.unreadBytes() { return unread > 0 }
    var unacknowledged: Int32 = 0
    return ioctl(descriptor, UInt(TIOCOUTQ), &unacknowledged) == 0 && unacknowledged > 0
  }

  /// Receives the next bytes, or the reason there are none.
  func receive(into scratch: UnsafeMutableRawBufferPointer) -> Arrival {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, timeoutMilliseconds) > 0 else { return .nothing }
    let count = recv(descriptor, scratch.baseAddress, scratch.count, 0)
    if count > 0 { return .bytes(Array(scratch[..<count])) }
    return count == 0 ? .end : .reset
  }
}
