import Foundation
import StandardWebhooks
import Testing

struct HTTPAnswer {
  let status: Int
  /// Names in lower case.
  let fields: [String: String]
  let body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
  /// The `code` of a problem document.
  var code: String? {
    (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])?["code"] as? String
  }
}

/// One blocking connection, every wait bounded.
final class HTTPConnection {
  private let descriptor: Int32
  private var input: [UInt8] = []

  struct Broken: Error {}

  init(host: String, port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    let result = withUnsafeBytes(of: address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
      }
    }
    if result != 0 {
      close(descriptor)
      throw Broken()
    }
  }

  deinit {
    close(descriptor)
  }

  func send(_ bytes: some Sequence<UInt8>) throws {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Broken() }
      rest = rest.dropFirst(count)
    }
  }

  /// Reads until the other side has closed, for at most a minute.
  func waitForEnd() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while recv(descriptor, &chunk, chunk.count, 0) > 0 {}
  }

  /// The next answer.
  func receive(isHead: Bool = false) throws -> HTTPAnswer {
    while true {
      if let end = input.firstRange(of: Array("\r\n\r\n".utf8)) {
        let lines = String(decoding: input[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
          guard let colon = line.firstIndex(of: ":") else { throw Broken() }
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
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { throw Broken() }
      input += chunk.prefix(count)
    }
  }
}

/// A delivery as Replicate would send it.
struct SignedDelivery {
  let id: String
  let body: [UInt8]
  /// `name: value`, for whoever writes the request itself.
  let fields: [String]
  let request: [UInt8]

  init(id: String, body: [UInt8], secret: String = Daemon.secret) throws {
    self.id = id
    self.body = body
    let timestamp = String(Int(Date().timeIntervalSince1970))
    let signature = Signer.sign(id: id, timestamp: timestamp, body: body.span, with: try Secret(secret))
    fields = [
      "Content-Type: application/json", "webhook-id: \(id)", "webhook-timestamp: \(timestamp)",
      "webhook-signature: \(try #require(signature))",
    ]
    let lines = ["POST /webhooks/replicate HTTP/1.1", "Host: a", "Content-Length: \(body.count)"] + fields
    request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
  }

  init(id: String, prediction: String, status: String, logs: String = "") throws {
    try self.init(
      id: id, body: Array(#"{"id":"\#(prediction)","status":"\#(status)","logs":"\#(logs)"}"#.utf8))
  }
}
