internal import Foundation

package import Simulation

/// What a client has received so far in answer to one request.
package final class SimulatedResponse {
  package let peer: SimulatedPeer
  private var knownHead: (end: Int, fields: [String: String])?

  init(_ peer: SimulatedPeer) { self.peer = peer }

  /// Nil while nothing has come.
  package var status: Int? {
    Int(String(decoding: peer.received.dropFirst(9).prefix(3), as: UTF8.self))
  }

  /// Where the header section ends, with its fields; nil before.
  private var head: (end: Int, fields: [String: String])? {
    if let knownHead { return knownHead }
    let received = String(decoding: peer.received, as: UTF8.self)
    guard let section = received.range(of: "\r\n\r\n") else { return nil }
    var fields: [String: String] = [:]
    for line in received[..<section.lowerBound].split(separator: "\r\n").dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
    }
    knownHead = (received.utf8.distance(from: received.startIndex, to: section.upperBound), fields)
    return knownHead
  }

  /// The value of a header field.
  package func field(_ name: String) -> String? { head?.fields[name.lowercased()] }

  /// The content, without its chunks.
  package var text: String { String(decoding: content.bytes, as: UTF8.self) }

  /// Whether the last byte of the content has come.
  package var isComplete: Bool { content.isComplete }

  private var content: (bytes: [UInt8], isComplete: Bool) {
    guard let head else { return ([], false) }
    var rest = peer.received[head.end...]
    guard field("transfer-encoding") == "chunked" else {
      return (Array(rest), rest.count == Int(field("content-length") ?? "0"))
    }
    var content: [UInt8] = []
    while let end = rest.firstIndex(of: 0x0A),
      let size = Int(String(decoding: rest[..<end].dropLast(), as: UTF8.self), radix: 16)
    {
      let data = rest[(end + 1)...]
      guard data.count >= size + 2 else { break }
      if size == 0 { return (content, true) }
      content += data.prefix(size)
      rest = data.dropFirst(size + 2)
    }
    return (content, false)
  }

  /// The server-sent events that have come completely.
  package var events: [SimulatedEvent] {
    text.components(separatedBy: "\n\n").dropLast().compactMap(SimulatedEvent.init)
  }
}

/// A server-sent event, read as `EventSource` reads it.
package struct SimulatedEvent: Equatable {
  package var name = "message"
  package var id: String?
  package var data: String?

  /// Nil for comments and `retry`.
  init?(_ block: String) {
    for line in block.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
      switch parts[0] {
      case "event": name = value
      case "id": id = value
      case "data": data = value
      default: continue
      }
    }
    if id == nil, data == nil { return nil }
  }

  /// A string member of the data.
  package func member(_ name: String) -> String? {
    guard let data, let start = data.range(of: "\"\(name)\":\"") else { return nil }
    return String(data[start.upperBound...].prefix { $0 != "\"" })
  }
}
