import TLS
import TLSClient
import Testing

@Suite struct RecordTests {
  private static let masks: [UInt8] = [1, 2, 4, 8, 16, 32, 64, 128, 0xFF]

  /// A record with one modified byte yields no data.
  ///
  /// It fails, or waits for more bytes.
  @Test(arguments: Client.Settings.both, masks)
  func everyChangedByteOfARecord(_ settings: Client.Settings, _ mask: UInt8) throws {
    let context = try Certificates.ecdsa.context()
    var position = 0
    while true {
      let conversation = try Conversation(settings, with: context)
      try conversation.open()
      conversation.client.write(Array("secret".utf8))
      var record = conversation.client.takeOutgoing()
      guard position < record.count else { return #expect(position > 20) }
      record[position] ^= mask
      conversation.deliver(record) {}
      let (bytes, end) = conversation.readAtServer()
      #expect(bytes.isEmpty, "byte \(position)")
      // The five bytes before the ciphertext include its length, which may cause a wait.
      if position >= 5 {
        #expect(end == .failed(.damagedRecord), "byte \(position)")
        #expect(conversation.server.write([1]) != .written)
      }
      position += 1
    }
  }

  /// A replayed or omitted record yields no data.
  @Test(arguments: Client.Settings.both)
  func repeatedAndMissingRecords(_ settings: Client.Settings) throws {
    for isRepeated in [true, false] {
      let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
      try conversation.open()
      conversation.client.write([1])
      let first = conversation.client.takeOutgoing()
      conversation.client.write([2])
      let second = conversation.client.takeOutgoing()
      conversation.deliver(isRepeated ? first + first : second) {}
      #expect(conversation.readAtServer() == (isRepeated ? [1] : [], .failed(.damagedRecord)))
    }
  }

  /// A modified ClientHello yields no connection, because the transcripts differ.
  @Test(arguments: Client.Settings.both)
  func everyChangedByteOfAClientHello(_ settings: Client.Settings) throws {
    let context = try Certificates.ecdsa.context()
    var position = 0
    while true {
      let conversation = try Conversation(settings, with: context)
      _ = conversation.client.handshake()
      var hello = conversation.client.takeOutgoing()
      guard position < hello.count else { return #expect(position > 100) }
      hello[position] ^= 0x01
      conversation.deliver(hello) { _ = conversation.server.handshake() }
      conversation.client.receive(conversation.takeFromServer())
      let result = conversation.performHandshake()
      // RFC 8446 section 5.1: the minor version in the first record's header is ignored, and is not part of
      // the transcript.
      #expect((result.server == .complete) == (position == 2), "byte \(position): \(result)")
      position += 1
    }
  }
}
