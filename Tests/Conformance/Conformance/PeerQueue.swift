import Glibc

/// The receive queue at the other end of a local connection.
///
/// The kernel reports it for any socket identified by its addresses (sock_diag(7)). The send queue (SIOCOUTQ)
/// alone is not enough. The kernel acknowledges most segments before the server has read them, so two parts
/// of a request would mostly be read as one.
final class PeerQueue {
  private let netlink: Int32
  private var request: [UInt8]
  private static let requestLength = 72
  /// NETLINK_SOCK_DIAG.
  private static let sockDiag: Int32 = 4
  /// The offset of `idiag_rqueue` in the reply.
  ///
  /// It follows the message header, four bytes, the socket's identity and a timer.
  private static let queueOffset = 72

  /// - Parameters:
  ///   - peer: the other end. If it is not on this machine, or the kernel does not report it,
  ///     ``unreadBytes()`` is nil.
  ///   - descriptor: the socket at this end.
  init(of peer: sockaddr_in, seenFrom descriptor: Int32) {
    var local = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutableBytes(of: &local) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &length) }
    }
    netlink = socket(AF_NETLINK, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Self.sockDiag)
    request = [UInt8](repeating: 0, count: Self.requestLength)
    request.withUnsafeMutableBytes { bytes in
      // struct nlmsghdr: length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST.
      bytes.storeBytes(of: UInt32(Self.requestLength), toByteOffset: 0, as: UInt32.self)
      bytes.storeBytes(of: 20, toByteOffset: 4, as: UInt16.self)
      bytes.storeBytes(of: 1, toByteOffset: 6, as: UInt16.self)
      // struct inet_diag_req_v2: family, protocol, all states, then the socket as its own end sees it.
      bytes[16] = UInt8(AF_INET)
      bytes[17] = UInt8(IPPROTO_TCP)
      bytes.storeBytes(of: UInt32.max, toByteOffset: 20, as: UInt32.self)
      bytes.storeBytes(of: peer.sin_port, toByteOffset: 24, as: in_port_t.self)
      bytes.storeBytes(of: local.sin_port, toByteOffset: 26, as: in_port_t.self)
      bytes.storeBytes(of: peer.sin_addr.s_addr, toByteOffset: 28, as: UInt32.self)
      bytes.storeBytes(of: local.sin_addr.s_addr, toByteOffset: 44, as: UInt32.self)
      // INET_DIAG_NOCOOKIE.
      bytes.storeBytes(of: UInt32.max, toByteOffset: 64, as: UInt32.self)
      bytes.storeBytes(of: UInt32.max, toByteOffset: 68, as: UInt32.self)
    }
  }

  deinit {
    if netlink >= 0 { close(netlink) }
  }

  /// The bytes in the peer's receive queue; nil if the kernel knows no such socket.
  func unreadBytes() -> Int? {
    guard netlink >= 0 else { return nil }
    let sent = request.withUnsafeBytes { send(netlink, $0.baseAddress, $0.count, 0) }
    guard sent == request.count else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { answer in
      let count = recv(netlink, answer.baseAddress, answer.count, 0)
      // Anything but SOCK_DIAG_BY_FAMILY is an error message.
      guard count >= Self.queueOffset + 4, answer.load(fromByteOffset: 4, as: UInt16.self) == 20 else {
        return nil
      }
      return Int(answer.load(fromByteOffset: Self.queueOffset, as: UInt32.self))
    }
  }
}
