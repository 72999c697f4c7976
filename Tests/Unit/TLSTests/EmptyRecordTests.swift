import TLS
import TLSClient
import Testing

/// The limit on records without data.
///
/// They cost the server more than the sender.
@Suite struct EmptyRecordTests {
  private static let limit = TLSSession.maxEmptyRecords

  private func conversation() throws -> Conversation {
    let conversation = try Conversation(.tls13, with: Certificates.ecdsa.context())
    try conversation.open()
    return conversation
  }

  /// Feeds the server in pieces of `size`, and reads after each.
  ///
  /// Returns how reading ended.
  private func deliver(_ bytes: [UInt8], inPiecesOf size: Int, to conversation: Conversation) -> ReadResult {
    var end = ReadResult.needsMore
    conversation.deliver(bytes, cut: { _ in size }) { end = conversation.readAtServer().end }
    return end
  }

  /// The limit applies whether they come together, one by one, or split.
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

  /// Exactly the limit is accepted, however it is split.
  @Test(arguments: [1, 4, 27, 30, 1_000_000]) func oneTooMany(_ size: Int) throws {
    let ends = [(Self.limit, ReadResult.needsMore), (Self.limit + 1, .failed(.tooManyEmptyRecords))]
    for (count, end) in ends {
      let conversation = try conversation()
      conversation.client.updateKeys(count)
      #expect(deliver(conversation.client.takeOutgoing(), inPiecesOf: size, to: conversation) == end)
    }
  }

  /// The data in front of them is delivered first.
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

  /// A sender of single bytes, over a path that splits every record.
  @Test(arguments: Client.Settings.both, [1, 4, 7, 23])
  func smallRecordsInPiecesAreNoneOfThem(_ settings: Client.Settings, _ size: Int) throws {
    let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
    try conversation.open()
    for _ in 0..<(4 * Self.limit) { conversation.client.write([1]) }
    let end = deliver(conversation.client.takeOutgoing(), inPiecesOf: size, to: conversation)
    #expect(end == .needsMore)
  }
}
