import CLinux
import Glibc

/// The app's receiver of callbacks, which answers so many a second and no more.
///
/// It shares the load's epoll instance. Requests wait until they are answered, in the order of their arrival.
final class CallbackSink: LoopGuest {
  private struct Connection {
    let descriptor: Int32
    var input: [UInt8] = []
  }

  let port: Int
  private let listener: Int32
  private let rate: Int
  private var epoll: Int32 = -1
  private var connections: [UInt64: Connection] = [:]
  private var nextToken = LoadLoop.firstGuestToken + 1
  /// Connections whose request is not answered yet.
  private var waiting: [UInt64] = []
  private var nextAnswerAt: UInt64 = 0
  private(set) var answered = 0
  private(set) var repeated = 0
  private var ids: Set<String> = []
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

  private static let answer = Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)

  /// - Parameter rate: the answers per second.
  init(rate: Int) throws {
    self.rate = rate
    listener = clinux_socket(AF_INET)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        clinux_bind(descriptor, $0, length) == 0 && clinux_listen(descriptor, 64) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw Failure("no port for callbacks is free", .system) }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit {
    for connection in connections.values { close(connection.descriptor) }
    close(listener)
    scratch.deallocate()
  }

  var received: Int { ids.count }

  func attach(to epoll: Int32) {
    self.epoll = epoll
    nextAnswerAt = Clock.nanoseconds
    _ = clinux_epoll_add(epoll, listener, LoadLoop.firstGuestToken, 1)
  }

  func handle(_ token: UInt64, isWritable: Bool) {
    guard token != LoadLoop.firstGuestToken else { return acceptAll() }
    guard let descriptor = connections[token]?.descriptor else { return }
    while true {
      let count = clinux_receive(descriptor, scratch.baseAddress, scratch.count)
      guard count > 0 else {
        if count != -Int(EAGAIN) { drop(token) }
        return
      }
      connections[token]?.input.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<count]))
      takeRequest(on: token)
    }
  }

  /// Answers what is due. Time without a request is no credit for later.
  func tick() {
    let now = Clock.nanoseconds
    let interval = UInt64(1_000_000_000 / rate)
    if waiting.isEmpty { nextAnswerAt = max(nextAnswerAt, now) }
    while nextAnswerAt <= now, !waiting.isEmpty {
      nextAnswerAt += interval
      let token = waiting.removeFirst()
      guard let descriptor = connections[token]?.descriptor else { continue }
      answered += 1
      _ = Self.answer.withUnsafeBytes { clinux_send(descriptor, $0.baseAddress, $0.count) }
    }
  }

  private func acceptAll() {
    while true {
      let descriptor = accept(listener, nil, nil)
      guard descriptor >= 0 else { return }
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      connections[nextToken] = Connection(descriptor: descriptor)
      _ = clinux_epoll_add(epoll, descriptor, nextToken, 0)
      nextToken += 1
    }
  }

  private func drop(_ token: UInt64) {
    if let connection = connections.removeValue(forKey: token) { close(connection.descriptor) }
  }

  /// Takes a whole request, of which a connection has one at a time.
  private func takeRequest(on token: UInt64) {
    guard let input = connections[token]?.input else { return }
    guard let end = ResponseText.end(of: "\r\n\r\n", in: input) else { return }
    let head = String(decoding: input[..<end], as: UTF8.self).lowercased()
    func field(_ name: String) -> String? {
      head.split(separator: "\r\n").first { $0.hasPrefix(name + ":") }.map {
        String($0.dropFirst(name.utf8.count + 1).drop { $0 == " " })
      }
    }
    guard input.count >= end + (field("content-length").flatMap { Int($0) } ?? 0) else { return }
    connections[token]?.input = []
    if let id = field("webhook-id"), !ids.insert(id).inserted { repeated += 1 }
    waiting.append(token)
  }
}
