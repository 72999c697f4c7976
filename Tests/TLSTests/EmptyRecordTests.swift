import TLS
import TLSClient
import Testing

/// Records without data cost the server more than their sender: there may be few of them.
@Suite struct EmptyRecordTests {
  private static let limit = TLSSession.maxEmptyRecords

  private func conversation() throws -> Conversation {
    let conversation = try Conversation(.tls13, with: Certificates.ecdsa.context())
    try conversation.open()
    return conversation
  }

  /// Feeds the server in pieces of `size`, and reads after each of them; how it ended.
  private func deliver(_ bytes: [UInt8], inPiecesOf size: Int, to conversation: Conversation) -> ReadResult {
    var end = ReadResult.needsMore
    conversation.deliver(bytes, cut: { _ in size }) { end = conversation.readAtServer().end }
    return end
  }

  /// Whether they come together, one by one, or cut in whatever way.
  @Test(arguments: [1, 3, 5, 26, 27, 28, 32, 1000, 1_000_000])
  func keyUpdatesBeyondTheLimitEndTheConnection(_ size: Int) throws {
    let conversation = try conversation()
    conversation.client.updateKeys(Self.limit / 2)
    #expect(deliver(conversation.client.takeOutgoing(), inPiecesOf: size, to: conversation) == .needsMore)
    conversation.client.updateKeys(2 * Self.limit)
    let end = deliver(conversation.client.takeOutgoing(), inPiecesOf: size, to: conversation)
    #expect(end == .failed(.tooManyEmptyRecords))
    #expect(conversation.takeFromServer().count < 100 * (Self.limit + 1), "each one is answered")
  }

  /// Exactly so many, in whatever pieces.
  @Test(arguments: [1, 4, 27, 30, 1_000_000]) func oneTooMany(_ size: Int) throws {
    let ends = [(Self.limit, ReadResult.needsMore), (Self.limit + 1, .failed(.tooManyEmptyRecords))]
    for (count, end) in ends {
      let conversation = try conversation()
      conversation.client.updateKeys(count)
      #expect(deliver(conversation.client.takeOutgoing(), inPiecesOf: size, to: conversation) == end)
    }
  }

  /// Before the data that stands in front of them is lost.
  @Test func dataInFrontOfThemIsRead() throws {
    let conversation = try conversation()
    conversation.client.write(Array("first".utf8))
    conversation.client.updateKeys(Self.limit + 1)
    conversation.client.write(Array("last".utf8))
    conversation.deliver(conversation.client.takeOutgoing()) {}
    let (bytes, end) = conversation.readAtServer()
    #expect(bytes == Array("first".utf8) && end == .failed(.tooManyEmptyRecords))
  }

  @Test func dataEarnsMore() throws {
    let conversation = try conversation()
    let data = [UInt8](repeating: 1, count: TLSSession.bytesPerEmptyRecord)
    for _ in 0..<(4 * Self.limit) {
      conversation.client.write(data)
      conversation.client.updateKeys(1)
      #expect(deliver(conversation.client.takeOutgoing(), inPiecesOf: .max, to: conversation) == .needsMore)
    }
    conversation.client.updateKeys(Self.limit + 1)
    let end = deliver(conversation.client.takeOutgoing(), inPiecesOf: .max, to: conversation)
    #expect(end == .failed(.tooManyEmptyRecords))
  }

  /// A sender that writes byte by byte, on a path that cuts every record.
  @Test(arguments: Client.Settings.both, [1, 4, 7, 23])
  func smallRecordsInPiecesAreNoneOfThem(_ settings: Client.Settings, _ size: Int) throws {
    let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
    try conversation.open()
    for _ in 0..<(4 * Self.limit) { conversation.client.write([1]) }
    let end = deliver(conversation.client.takeOutgoing(), inPiecesOf: size, to: conversation)
    #expect(end == .needsMore)
  }
}
