import TLS
import TLSClient
import Testing

/// A client and a server, connected in memory.
final class Conversation {
  let client: Client
  var server: TLSSession

  init(
    _ settings: Client.Settings = Client.Settings(), with context: TLSContext,
    resuming session: Session? = nil
  ) throws {
    client = try #require(Client(settings, resuming: session))
    server = try TLSSession(context)
  }

  /// Runs until neither side has anything to send.
  ///
  /// `cut` returns how many of the pending bytes to deliver next.
  @discardableResult func performHandshake(
    cut: (Int) -> Int = { $0 }
  ) -> (client: Client.Progress, server: HandshakeProgress) {
    var result: (client: Client.Progress, server: HandshakeProgress) = (.needsMore, .needsMore)
    while true {
      result.client = client.handshake()
      let toServer = client.takeOutgoing()
      deliver(toServer, cut: cut) { result.server = server.handshake() }
      let toClient = takeFromServer()
      client.receive(toClient)
      if toServer.isEmpty, toClient.isEmpty { return result }
    }
  }

  /// Completes the handshake, or fails the test.
  func open() throws {
    let result = performHandshake()
    try #require(result.client == .complete && result.server == .complete, "\(result)")
  }

  /// Feeds the server in pieces, and calls `each` after each of them.
  func deliver(_ bytes: [UInt8], cut: (Int) -> Int = { $0 }, each: () -> Void) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(min(max(1, cut(rest.count)), TLSSession.maxReceiveBytes))
      server.receive(piece.span)
      each()
      rest = rest.dropFirst(piece.count)
    }
  }

  func takeFromServer() -> [UInt8] {
    var bytes: [UInt8] = []
    server.takeOutgoing(into: &bytes)
    return bytes
  }

  /// Reads all data available to the server, and returns how reading ended.
  func readAtServer(limit: Int = 16 * 1024) -> (bytes: [UInt8], end: ReadResult) {
    var bytes: [UInt8] = []
    while true {
      let result = server.read(into: &bytes, limit: limit)
      guard case .transferred = result else { return (bytes, result) }
    }
  }
}
