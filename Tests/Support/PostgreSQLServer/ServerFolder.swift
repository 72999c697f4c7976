import Foundation
import LiveDaemon

/// A folder of one test server.
///
/// It is removed with the object, or when the tests end. Its name holds the process id of the tests. A later
/// run removes what a killed one left.
final class ServerFolder: Sendable {
  private static let prefix = "webhookd-pg-"
  private static let cleanup: Void = {
    for parent in ["/dev/shm", "/tmp"] { removeLeftovers(in: parent) }
  }()

  let path: String

  init(isInMemory: Bool) throws {
    Self.cleanup
    // Short, because the address of a socket in it has at most 107 bytes.
    let parent = isInMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    path = "\(parent)/\(Self.prefix)\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    try ServerAccount.own(path)
  }

  deinit { remove() }

  func remove() { try? FileManager.default.removeItem(atPath: path) }

  private static func removeLeftovers(in parent: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
      guard name.hasPrefix(prefix), let owner = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }),
        kill(owner, 0) != 0, errno == ESRCH
      else { continue }
      try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
    }
  }
}

/// A TCP port of 127.0.0.1 that nothing listens on.
///
/// It is below the ports that the kernel gives to outgoing connections (`ip_local_port_range`), which would
/// take it before the server does.
enum FreePort {
  static func find() throws -> Int {
    for _ in 0..<200 {
      let port = Int.random(in: 20_000..<32_000)
      if isFree(port) { return port }
    }
    throw Unusable("no free port")
  }

  private static func isFree(_ port: Int) -> Bool { withSocket(at: port, bind) }

  /// Whether something listens on `port`.
  static func isListening(_ port: Int) -> Bool { withSocket(at: port, connect) }

  private static func withSocket(
    at port: Int, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: port)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  static func loopback(port: Int) -> sockaddr_in {
    sockaddr_in(
      sin_family: sa_family_t(AF_INET), sin_port: in_port_t(port).bigEndian,
      sin_addr: in_addr(s_addr: in_addr_t(INADDR_LOOPBACK).bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
  }
}
