internal import Glibc
internal import Time

/// Notifies systemd of the daemon's state (sd_notify(3)).
///
/// Sends one datagram to the socket that `NOTIFY_SOCKET` names. Without that variable it does nothing.
package struct ServiceManager: Sendable {
  private let address: String?
  /// Without a sign of life for so long, the manager ends the daemon. Nil where it waits for none.
  package let watchdogTimeout: Duration?

  package init(environment: [String: String]) {
    address = environment["NOTIFY_SOCKET"]
    watchdogTimeout = Self.watchdogTimeout(environment)
  }

  /// Whether there is a manager to notify.
  package var isListening: Bool { address != nil }

  /// The timeout for this process (sd_watchdog_enabled(3)).
  private static func watchdogTimeout(_ environment: [String: String]) -> Duration? {
    guard environment["NOTIFY_SOCKET"] != nil,
      let microseconds = environment["WATCHDOG_USEC"].flatMap(Int64.init),
      (1...86_400_000_000).contains(microseconds),
      environment["WATCHDOG_PID"].map({ Int32($0) == getpid() }) ?? true
    else { return nil }
    return .microseconds(microseconds)
  }

  package enum State: Sendable {
    case ready
    /// The settings are being reloaded; ``ready`` follows.
    case reloading
    case stopping
    /// One line for people, and where it is alive, a sign of life for the watchdog.
    case status(String, isAlive: Bool)
    /// The start goes on; the next message follows within that time.
    case starting(nextWithin: Duration)
  }

  package func notify(_ state: State) {
    switch state {
    case .ready: send("READY=1")
    // systemd.service(5): the timestamp distinguishes this reload from the one before.
    case .reloading: send("RELOADING=1\nMONOTONIC_USEC=\(MonotonicClock.now.nanoseconds / 1000)")
    case .stopping: send("STOPPING=1")
    case .status(let text, let isAlive): send((isAlive ? "WATCHDOG=1\n" : "") + "STATUS=\(text)")
    case .starting(let duration): send("EXTEND_TIMEOUT_USEC=\(Int64(duration / .microseconds(1)))")
    }
  }

  /// Sends one message. Errors are ignored: without a listening manager only the notification is lost.
  private func send(_ text: String) {
    guard let address, let first = address.utf8.first,
      first == UInt8(ascii: "/") || first == UInt8(ascii: "@")
    else {
      return
    }
    var target = sockaddr_un()
    target.sun_family = sa_family_t(AF_UNIX)
    let path = Array(address.utf8)
    let offset = MemoryLayout<sa_family_t>.size
    guard path.count < MemoryLayout<sockaddr_un>.size - offset else { return }
    withUnsafeMutableBytes(of: &target) { bytes in
      for (index, byte) in path.enumerated() { bytes[offset + index] = byte }
      // unix(7): the name of an abstract socket starts with a NUL, which is written as @.
      if first == UInt8(ascii: "@") { bytes[offset] = 0 }
    }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // A manager that hangs must not block the daemon's shutdown.
    var timeout = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    let message = Array(text.utf8)
    let length = socklen_t(offset + path.count + (first == UInt8(ascii: "@") ? 0 : 1))
    withUnsafeBytes(of: target) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { rebound in
        _ = sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), rebound.baseAddress, length)
      }
    }
  }
}
