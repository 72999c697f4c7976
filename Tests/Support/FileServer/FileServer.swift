internal import Glibc
internal import Synchronization

/// A server of files on loopback that fails as a test requests.
///
/// It answers one request a connection, in the order of the connections unless it is concurrent.
package final class FileServer: Sendable {
  /// A request, as far as its header section goes.
  package struct Request: Equatable, Sendable {
    package let method: String
    package let target: String
    /// Lines as `name: value`.
    package let fields: [String]

    /// The value of the field, whose name is given in lower case.
    package func value(of name: String) -> String? {
      fields.first { $0.lowercased().hasPrefix("\(name): ") }.map {
        String($0.dropFirst(name.utf8.count + 2))
      }
    }
  }

  /// The bytes of a response, and the way the connection ends.
  package struct Answer: Sendable, CustomStringConvertible {
    package var head: [UInt8]
    package var body: [UInt8]
    /// Sends so many bytes of the body, and then nothing more until the client goes away.
    package var stallsAfter: Int?
    /// Ends the connection by a reset.
    package var resets = false
    /// Sends so many bytes of the body, and the rest once the closure has returned.
    package var pause: (after: Int, until: @Sendable () -> Void)?

    /// The header section, for names of test cases.
    package var description: String { String(decoding: head, as: UTF8.self) }

    /// - Parameter length: that of `Content-Length`; nil for that of the body.
    package init(
      _ status: Int, _ fields: [String] = [], _ body: [UInt8] = [], length: Int? = nil
    ) {
      self.init(status, fields + ["Content-Length: \(length ?? body.count)"], unframed: body)
    }

    /// Without `Content-Length`: the end of the connection is that of the body.
    package init(_ status: Int, _ fields: [String] = [], unframed body: [UInt8]) {
      head =
        Array(
          (["HTTP/1.1 \(status) Scripted", "Connection: close"] + fields).joined(separator: "\r\n").utf8)
        + Array("\r\n\r\n".utf8)
      self.body = body
    }

    /// In chunks of `size` bytes; cut before the last one if it is not complete.
    package init(
      _ status: Int, _ fields: [String] = [], chunks body: [UInt8], size: Int, isComplete: Bool = true
    ) {
      var framed: [UInt8] = []
      for start in stride(from: 0, to: body.count, by: size) {
        let chunk = body[start..<min(start + size, body.count)]
        framed += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
      }
      if isComplete { framed += Array("0\r\n\r\n".utf8) }
      self.init(status, fields + ["Transfer-Encoding: chunked"], unframed: framed)
    }

    /// The rest of `file` from the request's range on, or all of it.
    package init(ranged file: [UInt8], for request: Request, _ fields: [String] = []) {
      let first = request.value(of: "range").flatMap { Int($0.dropFirst("bytes=".count).dropLast()) }
      guard let first, first < file.count else {
        self.init(200, fields, file)
        return
      }
      self.init(
        206, fields + ["Content-Range: bytes \(first)-\(file.count - 1)/\(file.count)"], Array(file[first...])
      )
    }
  }

  private struct NoServer: Error {}

  private let service: Service
  /// The origin, without a slash at its end.
  package let origin: String
  package let port: UInt16
  private let thread: pthread_t

  /// What the thread needs, apart from the server, whose deinit ends it.
  private final class Service: Sendable {
    let descriptor: Int32
    let isConcurrent: Bool
    let respond: @Sendable (Request, Int) -> Answer
    let requests = Mutex<[Request]>([])

    init(
      _ descriptor: Int32, isConcurrent: Bool, _ respond: @escaping @Sendable (Request, Int) -> Answer
    ) {
      self.descriptor = descriptor
      self.isConcurrent = isConcurrent
      self.respond = respond
    }

    /// - Returns: The number of the request.
    func record(_ request: Request) -> Int {
      requests.withLock {
        $0.append(request)
        return $0.count - 1
      }
    }
  }

  /// - Parameters:
  ///   - isConcurrent: whether each connection has a thread of its own.
  ///   - respond: the answer to a request, with its number from 0.
  package init(
    isConcurrent: Bool = false, _ respond: @escaping @Sendable (Request, Int) -> Answer
  ) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 128) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw NoServer() }
    port = UInt16(bigEndian: address.sin_port)
    origin = "http://127.0.0.1:\(port)"
    service = Service(descriptor, isConcurrent: isConcurrent, respond)
    var thread = pthread_t()
    let context = Unmanaged.passRetained(service).toOpaque()
    guard pthread_create(&thread, nil, Self.main, context) == 0 else { throw NoServer() }
    self.thread = thread
  }

  deinit {
    shutdown(service.descriptor, Int32(SHUT_RDWR))
    pthread_join(thread, nil)
    close(service.descriptor)
  }

  /// All requests so far.
  package var requests: [Request] { service.requests.withLock { $0 } }

  package func url(_ path: String) -> String { origin + path }

  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    context in
    guard let context else { return nil }
    let service = Unmanaged<Service>.fromOpaque(context).takeRetainedValue()
    while true {
      let connection = accept(service.descriptor, nil, nil)
      guard connection >= 0 else { return nil }
      guard service.isConcurrent else {
        serve(connection, service)
        continue
      }
      var thread = pthread_t()
      let task = Unmanaged.passRetained(Task(service, connection)).toOpaque()
      if pthread_create(&thread, nil, serveAlone, task) == 0 { pthread_detach(thread) }
    }
  }

  /// One connection, for the thread that serves it.
  private final class Task: Sendable {
    let service: Service
    let connection: Int32

    init(_ service: Service, _ connection: Int32) {
      self.service = service
      self.connection = connection
    }
  }

  private static let serveAlone: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    context in
    guard let context else { return nil }
    let task = Unmanaged<Task>.fromOpaque(context).takeRetainedValue()
    serve(task.connection, task.service)
    return nil
  }

  private static func serve(_ connection: Int32, _ service: Service) {
    if let request = receive(from: connection) {
      send(service.respond(request, service.record(request)), to: connection)
    }
    close(connection)
  }

  private static func receive(from connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8), bytes.count < 65_536 {
      guard recv(connection, &byte, 1, 0) == 1 else { return nil }
      bytes.append(byte)
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
    guard let words = lines.first?.split(separator: " "), words.count == 3 else { return nil }
    return Request(method: String(words[0]), target: String(words[1]), fields: Array(lines.dropFirst()))
  }

  private static func send(_ answer: Answer, to connection: Int32) {
    let body = answer.stallsAfter.map { Array(answer.body.prefix($0)) } ?? answer.body
    let firstPart = answer.pause.map { body.prefix($0.after) } ?? body[...]
    guard send(answer.head, to: connection), send(Array(firstPart), to: connection) else { return }
    if let pause = answer.pause {
      pause.until()
      guard send(Array(body.dropFirst(pause.after)), to: connection) else { return }
    }
    if answer.resets {
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
      return
    }
    if answer.stallsAfter == nil { shutdown(connection, Int32(SHUT_WR)) }
    // Until the client has closed: a close before would reset what it has not read yet.
    var byte: UInt8 = 0
    while recv(connection, &byte, 1, 0) > 0 {}
  }

  private static func send(_ bytes: [UInt8], to connection: Int32) -> Bool {
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      start += count
    }
    return true
  }
}
