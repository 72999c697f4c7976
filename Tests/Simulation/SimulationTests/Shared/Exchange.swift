import EventLoop
import Simulation
@testable import Time

/// One request on a connection, and its answer.
final class Exchange {
  let peer: SimulatedPeer
  let startedAt: MonotonicTime
  /// Bytes of earlier answers on this connection.
  private let offset: Int
  /// Received bytes that held no whole answer yet.
  private var seenCount = 0
  private let onEnd: (Reply?) -> Void
  private(set) var isOver = false
  /// When the last byte of the request was sent. Nil if it never is.
  var completedAt: MonotonicTime?

  struct Reply {
    let status: Int
    let body: String
    /// The offset of the next answer on this connection.
    let end: Int
    let keepsConnection: Bool
  }

  init(on peer: SimulatedPeer, at time: MonotonicTime, after offset: Int, onEnd: @escaping (Reply?) -> Void) {
    self.peer = peer
    startedAt = time
    self.offset = offset
    self.onEnd = onEnd
  }

  /// Ends the exchange once its answer is complete or impossible.
  func poll() {
    guard !isOver else { return }
    if peer.received.count > max(seenCount, offset) {
      seenCount = peer.received.count
      if let reply = Self.reply(in: peer.received, from: offset) { return end(reply) }
    }
    if peer.isOver { end(nil) }
  }

  func giveUp() {
    poll()
    if !isOver { end(nil) }
  }

  private func end(_ reply: Reply?) {
    isOver = true
    onEnd(reply)
  }

  private static func reply(in bytes: [UInt8], from offset: Int) -> Reply? {
    var start = offset
    // Interim answers come first.
    while true {
      guard let headEnd = endOfHead(in: bytes, from: start) else { return nil }
      let head = bytes[start..<headEnd]
      guard let status = Int(String(decoding: head.dropFirst(9).prefix(3), as: UTF8.self)) else { return nil }
      if status == 100 {
        start = headEnd
        continue
      }
      let length = head.field("content-length").flatMap { Int($0) } ?? 0
      guard bytes.count >= headEnd + length else { return nil }
      return Reply(
        status: status, body: String(decoding: bytes[headEnd..<headEnd + length], as: UTF8.self),
        end: headEnd + length,
        keepsConnection: head.field("connection") != "close")
    }
  }

  private static func endOfHead(in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count >= start + 4 else { return nil }
    for index in start...(bytes.count - 4) where bytes[index] == 13 {
      if bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 { return index + 4 }
    }
    return nil
  }
}

extension ArraySlice<UInt8> {
  /// The value of a field of a header section. Nil if it is absent.
  fileprivate func field(_ name: String) -> String? {
    let count = name.utf8.count
    var start = startIndex
    while let end = self[start...].firstIndex(of: 13) {
      let line = self[start..<end]
      if line.count > count + 1, line[start + count] == 0x3A,
        zip(line, name.utf8).allSatisfy({ $0 | 0x20 == $1 | 0x20 })
      {
        return String(decoding: line[(start + count + 2)...], as: UTF8.self)
      }
      start = Swift.min(end + 2, endIndex)
    }
    return nil
  }
}

extension String {
  /// The member `name` of a flat JSON object.
  ///
  /// Nil if it is absent. The daemon wrote the object.
  func member(_ name: String) -> String? {
    let key = Array("\"\(name)\":".utf8)
    let bytes = Array(utf8)
    guard bytes.count > key.count else { return nil }
    for start in 0..<(bytes.count - key.count) where bytes[start] == 0x22 {
      guard bytes[start..<start + key.count].elementsEqual(key) else { continue }
      let value = bytes[(start + key.count)...].prefix { $0 != 0x2C && $0 != 0x7D }
      return String(decoding: value.filter { $0 != 0x22 }, as: UTF8.self)
    }
    return nil
  }
}
