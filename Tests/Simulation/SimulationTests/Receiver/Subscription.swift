import EventLoop
import Simulation

/// A client of ``StreamingRoute``, and what it has received.
final class Subscription {
  let connection: ClientConnection
  private var seenCount = 0
  private(set) var problem: String?
  /// The numbers of a response that has come to its end; nil before.
  private(set) var numberCount: Int?

  /// All contents of a complete response: with every number, or ended early by the shutdown.
  private static let contents: [String] = {
    let chunks = (0..<StreamingRoute.maxNumbers).map { "2\r\n\($0);\r\n" }
    let ended = chunks.indices.map { chunks[..<$0].joined() + "4\r\nbye;\r\n" }
    return (ended + [chunks.joined()]).map { $0 + "0\r\n\r\n" }
  }()

  init(over connection: ClientConnection) {
    self.connection = connection
  }

  /// Checks what has come, which may be the beginning of a response.
  func poll() {
    guard connection.peer.received.count > seenCount else { return }
    seenCount = connection.peer.received.count
    let text = String(decoding: connection.peer.received, as: UTF8.self)
    guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else { return }
    // The server may be full, or evict the connection.
    if text.utf8.starts(with: "HTTP/1.1 503 ".utf8) { return finish(0) }
    let content = text.utf8[end.upperBound...]
    guard text.utf8.starts(with: "HTTP/1.1 200 ".utf8),
      let whole = Self.contents.first(where: { $0.utf8.starts(with: content) })
    else {
      problem = "a stream has sent \(text.debugDescription)"
      return
    }
    if content.count == whole.utf8.count { finish(whole.utf8.count { $0 == UInt8(ascii: ";") }) }
  }

  private func finish(_ count: Int) {
    numberCount = count
    connection.isIdle = true
  }
}
