internal import Glibc

/// Server-sent events as text (HTML standard, section 9.2).
package enum ServerSentEvents {
  package static let mediaType = "text/event-stream"

  /// The header fields of a response with events.
  ///
  /// nginx buffers a response unless `X-Accel-Buffering` forbids it.
  package static let fields: [(name: String, value: String)] = [
    ("Content-Type", mediaType), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"),
  ]

  /// A stream that has nothing to send writes a comment so often, so that no proxy takes it for dead.
  package static let keepAliveInterval = Duration.seconds(15)

  /// A comment, which clients ignore.
  package static let comment = Array(":\n\n".utf8)

  /// One event.
  ///
  /// - Parameter data: a document in JSON. It becomes one line.
  package static func event(_ name: String, id: String, data: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(data.count + name.utf8.count + id.utf8.count + 24)
    bytes += "event: \(name)\nid: \(id)\ndata: ".utf8
    bytes.append(lineOf: data)
    bytes += "\n\n".utf8
    return bytes
  }

  /// Moves the client's `Last-Event-ID`, without an event.
  package static func position(_ id: String) -> [UInt8] { Array("id: \(id)\n\n".utf8) }

  /// The time after which a client reconnects.
  ///
  /// - Parameter milliseconds: random, so that after a restart not all come at once.
  package static func retry(after milliseconds: Int) -> [UInt8] { Array("retry: \(milliseconds)\n\n".utf8) }

  /// In milliseconds.
  package static let retryRange = 1000...3000
}

extension [UInt8] {
  /// Appends a document in JSON as one line, without the line's end.
  ///
  /// Line breaks stand only between tokens: inside strings they are escaped.
  package mutating func append(lineOf document: [UInt8]) {
    guard let last = document.lastIndex(where: { !$0.isLineBreak }) else { return }
    let content = document[...last]
    guard content.containsByte(0x0A) || content.containsByte(0x0D) else {
      self += content
      return
    }
    self += content.lazy.filter { !$0.isLineBreak }
  }
}

extension ArraySlice<UInt8> {
  /// Whether it has that byte. A search byte by byte would take as long as writing the document.
  fileprivate func containsByte(_ byte: UInt8) -> Bool {
    withUnsafeBytes { $0.baseAddress.map { memchr($0, Int32(byte), count) != nil } ?? false }
  }
}

extension UInt8 {
  fileprivate var isLineBreak: Bool { self == 0x0A || self == 0x0D }
}
