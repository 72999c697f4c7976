internal import Glibc
package import System

/// Listening sockets passed by systemd (socket activation, sd_listen_fds(3)).
///
/// They stay open while the daemon restarts, so that no connection is refused meanwhile.
package struct SocketActivation: Sendable {
  private let sockets: [(name: String, descriptor: Int32)]

  /// sd_listen_fds(3): the descriptors start at 3 (SD_LISTEN_FDS_START), without gaps.
  private static let firstDescriptor: Int32 = 3
  /// More than any unit has; bounds the value of `LISTEN_FDS`.
  private static let maxSockets = 64

  /// Reads `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`.
  ///
  /// There are no sockets if the variables are addressed to another process.
  package init(environment: [String: String], processID: Int32 = getpid()) {
    guard environment["LISTEN_PID"] == "\(processID)", let text = environment["LISTEN_FDS"],
      let count = Int(text), (1...Self.maxSockets).contains(count)
    else {
      sockets = []
      return
    }
    let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
    sockets = (0..<count).map { index in
      // sd_listen_fds_with_names(3): a socket without a name has this one.
      let name = index < names.count ? String(names[index]) : "unknown"
      return (name, Self.firstDescriptor + Int32(index))
    }
  }

  package var names: [String] { sockets.map(\.name) }

  /// The sockets named `name` (`FileDescriptorName=` in the unit), ready to accept.
  package func listening(named name: String) throws(SystemError) -> [(
    descriptor: Int32, bound: SocketAddress
  )] {
    var found: [(descriptor: Int32, bound: SocketAddress)] = []
    for socket in sockets where socket.name == name {
      found.append((socket.descriptor, try Self.prepare(socket.descriptor)))
    }
    return found
  }

  private static func prepare(_ descriptor: Int32) throws(SystemError) -> SocketAddress {
    var listens: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 else {
      throw SystemError(call: "getsockopt", number: errno)
    }
    guard listens != 0, let address = SocketAddress(ofSocket: descriptor) else {
      throw SystemError(call: "getsockopt", number: EINVAL)
    }
    guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0,
      fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0
    else { throw SystemError(call: "fcntl", number: errno) }
    return address
  }
}
