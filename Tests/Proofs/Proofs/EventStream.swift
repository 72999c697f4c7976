internal import Foundation

/// A stream of server-sent events over successive connections.
struct EventStream {
  struct Event {
    let name: String
    let data: [UInt8]
  }

  private let path: String
  private var lastEventID: String?
  private var status: Int?
  /// Bytes of the present response that are not parsed.
  private var input: [UInt8] = []
  private var content: [UInt8] = []

  init(_ path: String) {
    self.path = path
  }

  /// The request of the next connection.
  var request: [UInt8] {
    let position = lastEventID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
    return Array(
      "GET \(path) HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\(position)\r\n".utf8)
  }

  /// The status of the present response. It is nil again until the next one.
  mutating func takeStatus() -> Int? {
    defer { (status, input, content) = (nil, [], []) }
    return status
  }

  /// Passes on whole events.
  ///
  /// - Returns: false at the end of the response.
  mutating func consume(_ bytes: [UInt8], _ observer: (Event) throws -> Void) throws -> Bool {
    input += bytes
    if status == nil {
      guard let end = input.firstRange(of: Array("\r\n\r\n".utf8)) else { return true }
      status = Int(String(decoding: input.dropFirst(9).prefix(3), as: UTF8.self))
      input.removeFirst(end.upperBound)
    }
    guard status == 200 else { return false }
    var isOpen = true
    while isOpen, let chunk = takeChunk() {
      content += chunk
      isOpen = !chunk.isEmpty
    }
    while let end = content.firstRange(of: Array("\n\n".utf8)) {
      let lines = content[..<end.lowerBound].split(separator: UInt8(ascii: "\n"))
      content.removeFirst(end.upperBound)
      try note(lines, observer)
    }
    return isOpen
  }

  private mutating func takeChunk() -> [UInt8]? {
    guard let line = input.firstRange(of: Array("\r\n".utf8)),
      let size = Int(String(decoding: input[..<line.lowerBound], as: UTF8.self), radix: 16),
      input.count >= line.upperBound + size + 2
    else { return nil }
    defer { input.removeFirst(line.upperBound + size + 2) }
    return Array(input[line.upperBound..<line.upperBound + size])
  }

  private mutating func note(_ lines: [ArraySlice<UInt8>], _ observer: (Event) throws -> Void) throws {
    func value(_ field: String) -> ArraySlice<UInt8>? {
      lines.first { $0.starts(with: "\(field): ".utf8) }?.dropFirst(field.utf8.count + 2)
    }
    if let id = value("id") { lastEventID = String(decoding: id, as: UTF8.self) }
    guard let data = value("data") else { return }
    try observer(
      Event(name: String(decoding: value("event") ?? [], as: UTF8.self), data: Array(data)))
  }
}
