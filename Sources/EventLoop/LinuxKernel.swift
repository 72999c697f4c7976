internal import CLinux
internal import Glibc
package import System
package import Time

/// The Linux kernel: non-blocking sockets, one epoll instance, an eventfd.
package final class LinuxKernel: Kernel {
  private let epoll: Int32
  private let wakeUp: Int32
  private let ready: UnsafeMutablePointer<clinux_event>

  /// The token of the eventfd, which no socket ever gets.
  private static let wakeToken = UInt64.max

  package init() throws(SystemError) {
    epoll = try Self.check("epoll_create1", clinux_epoll_create())
    wakeUp = try Self.check("eventfd", clinux_eventfd())
    _ = try Self.check("epoll_ctl", clinux_epoll_add(epoll, wakeUp, Self.wakeToken, 1))
    ready = .allocate(capacity: Int(CLINUX_EVENTS_PER_WAIT))
  }

  deinit {
    ready.deallocate()
    Glibc.close(wakeUp)
    Glibc.close(epoll)
  }

  package var monotonicTime: MonotonicTime { MonotonicClock.now }

  package var wallTimeMilliseconds: Int64 { WallClock.milliseconds }

  package func fillWithRandom(_ bytes: UnsafeMutableRawBufferPointer) {
    var generator = SystemRandomNumberGenerator()
    for index in bytes.indices { bytes[index] = generator.next() }
  }
}

// MARK: - Sockets

extension LinuxKernel {
  package func listen(
    on address: SocketAddress, mode: UInt32?, backlog: Int
  ) throws(SystemError) -> (descriptor: Int32, bound: SocketAddress) {
    let family =
      switch address {
      case .ipv4: AF_INET
      case .ipv6: AF_INET6
      case .unix: AF_UNIX
      }
    let descriptor = try Self.check("socket", clinux_socket(family))
    do throws(SystemError) {
      // A restarted daemon must get its port although old connections are in TIME_WAIT.
      _ = try Self.check("setsockopt", clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1))
      if case .ipv6 = address {
        _ = try Self.check("setsockopt", clinux_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1))
      }
      if case .unix(let path) = address { try UnixSocketFile(path).removeIfAbandoned() }
      let bound = address.withSystemAddress { clinux_bind(descriptor, $0, $1) }
      _ = try Self.check("bind", bound)
      // Before listening: until then nobody can connect, with any umask.
      if case .unix(let path) = address, let mode, chmod(path, mode) != 0 {
        throw SystemError(call: "chmod", number: errno)
      }
      _ = try Self.check("listen", clinux_listen(descriptor, Int32(clamping: backlog)))
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    return (descriptor, SocketAddress(ofSocket: descriptor) ?? address)
  }

  package func accept(from listener: Int32) -> AcceptResult {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = clinux_accept(listener, &storage, &length)
    if result >= 0 {
      // A response is one small write, which must not wait for a delayed acknowledgement (Nagle).
      if storage.ss_family != sa_family_t(AF_UNIX) {
        _ = clinux_set_option(result, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      }
      return .accepted(descriptor: result, peer: SocketAddress(storage))
    }
    let error = SystemError(call: "accept", number: -result)
    switch error.number {
    case EAGAIN: return .wouldBlock
    // accept(2): pending errors of the new connection are reported here; treat them like EAGAIN by retrying.
    case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
      ENETUNREACH,
      EPERM:
      return .aborted
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(error)
    default: return .failed(error)
    }
  }

  package func receive(from descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) -> TransferResult {
    while true {
      let result = clinux_receive(descriptor, bytes.baseAddress, bytes.count)
      if result == 0 { return .endOfStream }
      if result != -Int(EINTR) { return Self.transfer("recv", result) }
    }
  }

  package func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> TransferResult {
    while true {
      let result = clinux_send(descriptor, bytes.baseAddress, bytes.count)
      if result != -Int(EINTR) { return Self.transfer("send", result) }
    }
  }

  package func shutdownSending(_ descriptor: Int32) {
    Glibc.shutdown(descriptor, Int32(SHUT_WR))
  }

  package func close(_ descriptor: Int32) {
    // close(2): on Linux the descriptor is released even where EINTR is returned, so it is never tried again.
    Glibc.close(descriptor)
  }

  private static func transfer(_ call: String, _ result: Int) -> TransferResult {
    if result >= 0 { return .transferred(result) }
    let number = Int32(-result)
    switch number {
    case EAGAIN: return .wouldBlock
    case EBADF, EFAULT, ENOTSOCK:
      preconditionFailure("\(call) on a descriptor that is not ours: errno \(number)")
    default: return .broken(SystemError(call: call, number: number))
    }
  }

  private static func check(_ call: String, _ result: Int32) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError(call: call, number: -result) }
    return result
  }
}

// MARK: - Readiness

extension LinuxKernel {
  package func watch(_ descriptor: Int32, token: UInt64) throws(SystemError) {
    _ = try Self.check("epoll_ctl", clinux_epoll_add(epoll, descriptor, token, 0))
  }

  package func wait(from now: MonotonicTime, until deadline: MonotonicTime?, into events: inout [ReadyEvent])
  {
    let result = clinux_epoll_wait(epoll, ready, Self.timeout(from: now, until: deadline))
    guard result > 0 else {
      precondition(result == 0 || -result == EINTR, "epoll_wait: errno \(-result)")
      return
    }
    for index in 0..<Int(result) {
      let event = ready[index]
      guard event.token != Self.wakeToken else {
        _ = clinux_eventfd_drain(wakeUp)
        continue
      }
      let isHangUp = event.events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
      events.append(
        ReadyEvent(
          token: event.token,
          isReadable: isHangUp || event.events & EPOLLIN.rawValue != 0,
          isWritable: event.events & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0,
          isHangUp: isHangUp))
    }
  }

  package func wake() {
    // EAGAIN: the counter is full of wake-ups that were not taken yet; one more changes nothing.
    _ = clinux_eventfd_signal(wakeUp)
  }

  /// In milliseconds, rounded up: a loop that woke before its deadline would spin until it.
  private static func timeout(from now: MonotonicTime, until deadline: MonotonicTime?) -> Int32 {
    guard let deadline else { return -1 }
    guard deadline > now else { return 0 }
    let (milliseconds, rest) = (deadline.nanoseconds - now.nanoseconds).quotientAndRemainder(
      dividingBy: 1_000_000)
    return Int32(clamping: rest == 0 ? milliseconds : milliseconds + 1)
  }
}
