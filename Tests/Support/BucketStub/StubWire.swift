import Foundation
import LiveDaemon

/// A request as its bytes arrived.
struct StubRequest {
  let method: String
  /// As it was written, still encoded.
  let path: String
  let query: String
  /// Names in lower case; values of one name are joined by commas.
  let fields: [String: String]
  var body: [UInt8] = []
  /// The connection ended within the content.
  var isCut = false
  var fault: BucketFault?

  var decodedPath: String { path.removingPercentEncoding ?? path }
}

/// A listening socket on loopback, and its connections.
final class StubListener: @unchecked Sendable {
  // `@unchecked Sendable`: only `open` changes, behind its lock.
  let port: Int
  private let descriptor: Int32
  private let open = Guarded<(isClosed: Bool, connections: [StubConnection])>((false, []))

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw Unusable("the S3 stand-in cannot listen at port \(port)") }
    self.port = Int(in_port_t(bigEndian: address.sin_port))
  }

  /// Nil when the socket is closed.
  func accept() -> StubConnection? {
    while true {
      let accepted = Foundation.accept(descriptor, nil, nil)
      if accepted < 0, errno == EINTR { continue }
      guard accepted >= 0 else {
        // Here, not in `close()`: a number that is closed there may be another file's by now.
        Foundation.close(descriptor)
        return nil
      }
      let connection = StubConnection(accepted)
      let isClosed = open.withLock { open in
        if !open.isClosed { open.connections.append(connection) }
        return open.isClosed
      }
      if !isClosed { return connection }
      connection.close()
    }
  }

  func close() {
    open.withLock { open in
      guard !open.isClosed else { return }
      open.isClosed = true
      shutdown(descriptor, Int32(SHUT_RDWR))
      for connection in open.connections { connection.end() }
    }
  }
}

/// One connection, used by one thread. Others may end it.
final class StubConnection: @unchecked Sendable {
  private let descriptor: Int32
  private let isClosed = Guarded(false)
  private var input: [UInt8] = []

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  func end() { isClosed.withLock { if !$0 { shutdown(descriptor, Int32(SHUT_RDWR)) } } }

  func close() {
    isClosed.withLock { isClosed in
      if !isClosed { Foundation.close(descriptor) }
      isClosed = true
    }
  }

  /// The next request. Nil at the end of the connection.
  func receive(slowedBy takeFault: (String) -> BucketFault?) -> StubRequest? {
    while input.firstRange(of: Self.emptyLine) == nil {
      guard input.count < 65_536, receiveMore() else { return nil }
    }
    guard let end = input.firstRange(of: Self.emptyLine) else { return nil }
    let head = String(decoding: input[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    input.removeSubrange(..<end.upperBound)
    let words = head[0].split(separator: " ")
    guard words.count == 3 else { return nil }
    let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var fields: [String: String] = [:]
    for line in head.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      let value = parts[1].trimmingCharacters(in: .whitespaces)
      fields[parts[0].lowercased(), default: ""] += (fields[parts[0].lowercased()] == nil ? "" : ",") + value
    }
    var request = StubRequest(
      method: String(words[0]), path: String(target[0]), query: target.count > 1 ? String(target[1]) : "",
      fields: fields)
    request.fault = takeFault(request.method)
    receiveBody(of: &request)
    return request
  }

  private func receiveBody(of request: inout StubRequest) {
    let length = request.fields["content-length"].flatMap(Int.init) ?? 0
    if request.fields["expect"] != nil { write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
    while input.count < length {
      if case .cutRequest(let count) = request.fault, input.count >= count { break }
      var limit = 65_536
      if case .receiveSlowly(let rate) = request.fault {
        limit = max(1, rate / 10)
        Thread.sleep(forTimeInterval: 0.1)
      }
      guard receiveMore(limit) else { break }
    }
    if case .cutRequest = request.fault { request.isCut = true }
    if input.count < length { request.isCut = true }
    request.body = Array(input.prefix(length))
    input.removeFirst(min(length, input.count))
    if case .damageContent = request.fault, !request.body.isEmpty { request.body[0] ^= 1 }
  }

  /// - Returns: Whether anything came.
  private func receiveMore(_ limit: Int = 65_536) -> Bool {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = recv(descriptor, &buffer, limit, 0)
    guard count > 0 else { return false }
    input += buffer[..<count]
    return true
  }

  /// - Returns: Whether all was sent, and the client does not want the connection closed.
  @discardableResult
  func send(_ answer: StubAnswer, to method: String, cutAfter limit: Int? = nil) -> Bool {
    write(answer.head + (method == "HEAD" ? [] : answer.body.prefix(limit ?? .max)))
  }

  @discardableResult
  private func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static let emptyLine = Array("\r\n\r\n".utf8)
}
