import Foundation

package struct HTTPAnswer {
  package let status: Int
  /// Names in lower case.
  package let fields: [String: String]
  package let body: [UInt8]

  package var text: String { String(decoding: body, as: UTF8.self) }
  /// The `code` of a problem document.
  package var code: String? {
    (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])?["code"] as? String
  }
}

/// One blocking connection with a timeout on every call.
package final class HTTPConnection {
  private let descriptor: Int32
  private var input: [UInt8] = []

  /// A failed step, with the system's reason.
  package struct Broken: Error, CustomStringConvertible {
    package let description: String
    /// Nothing came within the connection's timeout.
    package let isTimeout: Bool

    init(_ step: String, _ number: Int32? = nil) {
      isTimeout = number == EAGAIN
      description = number.map { "\(step): \(String(cString: strerror($0)))" } ?? step
    }
  }

  /// - Parameters:
  ///   - timeoutSeconds: how long a receive or a send may block.
  ///   - receiveBuffer: the size of the kernel's receive buffer in bytes; nil: the default.
  package convenience init(
    host: String, port: Int, timeoutSeconds: Int = 60, receiveBuffer: Int32? = nil
  ) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    try self.init(AF_INET, address, timeoutSeconds: timeoutSeconds, receiveBuffer: receiveBuffer)
  }

  /// Connects to a socket in the file system.
  package convenience init(unixSocket path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    try self.init(AF_UNIX, address, timeoutSeconds: 60)
  }

  private init(
    _ family: Int32, _ address: some Any, timeoutSeconds: Int, receiveBuffer: Int32? = nil
  ) throws {
    descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }
    if var receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
    }
    let result = withUnsafeBytes(of: address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
      }
    }
    // The object is complete, so that `deinit` closes it: a second close could meet another's descriptor.
    if result != 0 { throw Broken("connect", errno) }
  }

  deinit {
    close(descriptor)
  }

  package func send(_ bytes: some Sequence<UInt8>) throws {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Broken("send", errno) }
      rest = rest.dropFirst(count)
    }
  }

  /// Half-closes the connection: an incomplete request stays incomplete.
  package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Returns all bytes until the peer closes the connection.
  package func receiveAll() -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { return input }
      input += chunk.prefix(count)
    }
  }

  /// Reads until the peer closes the connection, for at most a minute.
  package func waitForEnd() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while recv(descriptor, &chunk, chunk.count, 0) > 0 {}
  }

  /// The status and the body of the next answer, parsed cheaply.
  package func receiveStatusAndBody() throws -> (status: Int, body: [UInt8]) {
    while true {
      if let (status, end, length) = try plainHead(), input.count >= end + length {
        let body = Array(input[end..<end + length])
        input.removeFirst(end + length)
        return (status, body)
      }
      try receiveMore()
    }
  }

  /// Nil until the header section is complete.
  private func plainHead() throws -> (status: Int, end: Int, length: Int)? {
    try input.withUnsafeBufferPointer { bytes in
      var (start, length) = (0, 0)
      for index in 1..<max(1, bytes.count) where bytes[index] == 0x0A {
        if index - start == 1 {
          guard bytes.count > 12, start > 0 else { throw Broken("no status line") }
          let digits = UnsafeBufferPointer(rebasing: bytes[9..<12])
          return (Int(String(decoding: digits, as: UTF8.self)) ?? 0, index + 1, length)
        }
        if bytes[start] | 0x20 == UInt8(ascii: "c"), index - start > 16 {
          let line = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index - 1]), as: UTF8.self)
          if line.lowercased().hasPrefix("content-length: ") { length = Int(line.dropFirst(16)) ?? 0 }
        }
        start = index + 1
      }
      return nil
    }
  }

  /// The next bytes of an answer that may last.
  package func receiveSome() throws -> [UInt8] {
    if input.isEmpty { try receiveMore() }
    defer { input.removeAll() }
    return input
  }

  private func receiveMore() throws {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else {
      throw count == 0 ? Broken("closed by the peer after \(input.count) bytes") : Broken("receive", errno)
    }
    input += chunk.prefix(count)
  }

  /// Reads until `text` has arrived, and returns what came up to its end.
  ///
  /// For content without a declared length, after its header section was received.
  package func receive(through text: String) throws -> String {
    while true {
      if let range = input.firstRange(of: Array(text.utf8)) {
        defer { input.removeFirst(range.upperBound) }
        return String(decoding: input[..<range.upperBound], as: UTF8.self)
      }
      try receiveMore()
    }
  }

  /// The next answer.
  package func receive(isHead: Bool = false) throws -> HTTPAnswer {
    while true {
      if let end = input.firstRange(of: Array("\r\n\r\n".utf8)) {
        let lines = String(decoding: input[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
          guard let colon = line.firstIndex(of: ":") else { throw Broken("no field line: \(line)") }
          fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
            in: .whitespaces)
        }
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        let length = isHead || status == 304 ? 0 : Int(fields["content-length"] ?? "0") ?? 0
        if input.count >= end.upperBound + length {
          let body = Array(input[end.upperBound..<end.upperBound + length])
          input.removeFirst(end.upperBound + length)
          return HTTPAnswer(status: status, fields: fields, body: body)
        }
      }
      try receiveMore()
    }
  }
}
